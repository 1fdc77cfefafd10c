input { n : int }
rule api { if sqrt(n) > 5 then deny }
