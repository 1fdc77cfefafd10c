input { n : int }
rule api { if n / 2 == 4 then deny }
