input { user : identifier }
rule api { limit 10 req/min per user costing user }
