input { plan : plan  user : key }
plan free { limit rpm: 10 req/min per user }
rule api { if plan == "gold" then deny }
