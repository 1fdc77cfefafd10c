input { user : key }
rule api { limit 4 in flight per user }
