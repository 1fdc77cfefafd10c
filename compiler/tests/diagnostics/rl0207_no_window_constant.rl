input { plan : plan  user : key }
plan free { amount = 10 req }
rule api { limit plan.amount per user }
