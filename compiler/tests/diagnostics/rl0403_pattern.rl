input { a : string  b : string }
rule api { if a like b then deny }
