input { user : key }
rule api { limit 10 req/min per user for at most 2 min }
