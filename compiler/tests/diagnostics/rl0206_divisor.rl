input { n : int  m : int }
rule api { if n / m > 2 then deny }
