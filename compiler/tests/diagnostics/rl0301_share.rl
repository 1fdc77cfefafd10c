input { org : key  account : key? }
rule api { limit 20 req/min per org at most 30% per account }
