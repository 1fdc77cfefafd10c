input { user : key }
rule api { limit 10 req/min per user using leaky_bucket starting 5 req }
