input { user : key  cost : usd }
rule api { limit $5 per user costing cost }
