input { user : key }
rule api { limit a: 10 req/min per user }
rule api { limit b: 20 req/min per user }
