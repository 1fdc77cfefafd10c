input { user : key }
rule api { limit 10 req/min burst 5 req }
