input { user : key }
rule api { limit 1 req/min per user }
