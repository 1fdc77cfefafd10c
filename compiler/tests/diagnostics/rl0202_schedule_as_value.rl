schedule open = daily 09:00..17:00 in "UTC"
rule api { if open then deny }
