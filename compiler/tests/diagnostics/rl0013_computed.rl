input { n : int }
rule api { if n > 9000000000000000000 + 9000000000000000000 then deny }
