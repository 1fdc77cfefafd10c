input { user : key }
rule api { limt 10 req/min per user }
