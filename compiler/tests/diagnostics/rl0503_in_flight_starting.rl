input { user : key }
rule api { limit 4 in flight per user for at most 2 min starting 2 req }
