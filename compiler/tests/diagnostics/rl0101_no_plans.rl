input { plan : plan  user : key }
rule api { if plan.big then limit 10 req/min per user }
