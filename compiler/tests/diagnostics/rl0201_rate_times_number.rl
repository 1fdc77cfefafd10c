input { user : key }
rule api { limit 10 req/min * 2 per user }
