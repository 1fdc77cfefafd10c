input { user : kee }
rule api { limit 10 req/min per user }
