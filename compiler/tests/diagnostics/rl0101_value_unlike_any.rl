input { user : key }
rule api { if geography == "US" then deny }
