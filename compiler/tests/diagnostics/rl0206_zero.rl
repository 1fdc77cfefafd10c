input { n : int }
rule api { if n / 0 > 2 then deny }
