input { user : key  cost : usd }
rule api { limit $5/day per user costing cost resets in "UTC" }
