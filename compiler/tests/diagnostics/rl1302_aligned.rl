input { user : key }
rule api { limit 100 req/h per user aligned }
