input { name : string }
rule api { if lower(name) == "us" then deny }
