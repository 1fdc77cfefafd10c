input { user : key }
rule api { limit 100 per user }
