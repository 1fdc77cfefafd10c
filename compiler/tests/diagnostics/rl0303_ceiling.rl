input { user : key  plan : plan? }
plan free { rate = 10 req/min }
plan pro { rate = 20 req/min }
rule api { limit plan.rate per user }
