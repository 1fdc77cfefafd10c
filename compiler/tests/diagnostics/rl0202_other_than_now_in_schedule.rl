input { at : instant }
schedule open = daily 09:00..17:00 in "UTC"
rule api { if at in open then deny }
