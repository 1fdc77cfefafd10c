input { user : key }
rule api { limit 10 req/min per user was api }
