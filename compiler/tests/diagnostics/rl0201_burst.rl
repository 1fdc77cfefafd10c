input { user : key }
rule api { limit 10 tokens/min per user costing 1 tokens burst 5 }
