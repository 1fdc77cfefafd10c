input { user : key  weight : int? }
rule api { limit 4 in flight per user for at most 2 min costing weight }
