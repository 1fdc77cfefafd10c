input { user : key }
rule api { limit 10 req/min per user burst 5 req burst 6 req }
