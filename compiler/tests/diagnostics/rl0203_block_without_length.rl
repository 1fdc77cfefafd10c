input { user : key }
rule api { limit 10 req/min per user on exceed block for 0 s }
