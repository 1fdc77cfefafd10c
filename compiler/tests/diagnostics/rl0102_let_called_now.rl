input { user : key }
rule api { let now = 5  limit 10 req/min per user }
