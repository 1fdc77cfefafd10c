input { a : string  b : string }
rule api { if a in {b, "c"} then deny }
