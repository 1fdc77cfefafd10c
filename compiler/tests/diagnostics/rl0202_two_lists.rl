input { a : one of "x", "y"  b : one of "x", "z" }
rule api { if a == b then deny }
