input { n : int in 10..1 }
rule api { if n > 5 then deny }
