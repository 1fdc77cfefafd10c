input { a : string }
rule api { if a < "b" then deny }
