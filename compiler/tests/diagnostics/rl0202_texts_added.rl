input { a : string  b : string }
rule api { if a + b == "c" then deny }
