input { user : key }
rule api { limit 50 + 50 per user }
