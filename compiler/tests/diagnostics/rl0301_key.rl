input { account : key? }
rule api { limit 20 req/min per account }
