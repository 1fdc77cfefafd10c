input { user : key }
rule api { limit $5/min per user }
