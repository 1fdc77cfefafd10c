input { user : key }
rule api { limit 10 req/m per user }
