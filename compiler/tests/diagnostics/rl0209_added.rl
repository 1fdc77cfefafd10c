input { a : usd  b : eur }
rule api { if a + b > $5 then deny }
