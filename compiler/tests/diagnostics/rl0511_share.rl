input { user : key  org : key }
rule api { limit 2 req/min per org at most 30% per user using sliding_log }
