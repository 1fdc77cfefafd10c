input { plan : plan  user : key  cost : usd }
plan free { limit month: $5/month per user costing cost fail closed }
