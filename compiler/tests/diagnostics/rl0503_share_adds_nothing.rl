input { user : key }
rule api { limit 10 req/min per user at most 30% per user }
