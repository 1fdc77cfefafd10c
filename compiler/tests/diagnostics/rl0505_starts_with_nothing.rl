input { user : key }
rule api { limit 10 req/min per user starting 0 req }
