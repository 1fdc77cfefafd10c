input { user : key  plan : plan }
plan free { r = 10 req/min }
rule api { limit plan.r / 2 per user }
