input { user : key }
rule api { limit 10 req/min per user on exceed allow block for 1 min }
