input { user : key  size : bytes }
rule api { limit 10k tokens/min per user costing size }
