input { user : key  n : int }
rule api { limit 10 req/min per user burst n * 1 req }
