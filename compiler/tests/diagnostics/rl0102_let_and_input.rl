input { n : int }
rule api { let n = 5 }
