input { user : key  org : key }
rule api { limit 10 req/min per user per org }
