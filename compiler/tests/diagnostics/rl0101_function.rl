input { n : int }
rule api { if at_leats(n, 1) > 5 then deny }
