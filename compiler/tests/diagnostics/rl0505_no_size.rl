input { user : key }
rule api { limit 10 req/min per user burst 0 req }
