input { user : key }
rule api { limit 0 req/min per user burst 5 req }
