input { n : int }
rule api { if clamp(n, 5) > 3 then deny }
