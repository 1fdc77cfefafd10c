input { user : key }
rule api { limit 99999999999999999999 req/min per user }
