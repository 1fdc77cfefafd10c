input { org : key }
hierarchy org > user
rule api { limit 10 req/min per org }
