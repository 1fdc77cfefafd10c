input { n : int }
rule api { if n like "5*" then deny }
