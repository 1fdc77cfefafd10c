input { org : key  user : key }
rule api { limit 10 req/min per org at most 130% per user }
