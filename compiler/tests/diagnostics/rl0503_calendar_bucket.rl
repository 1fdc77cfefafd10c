input { user : key }
rule api { limit 10 req/day per user burst 5 req }
