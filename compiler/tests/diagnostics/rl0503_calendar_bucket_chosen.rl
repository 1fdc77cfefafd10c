input { user : key  plan : plan }
plan free { rate = 10 req/day }
rule api { limit plan.rate per user using gcra burst 5 req }
