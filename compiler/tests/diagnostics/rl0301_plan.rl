input { plan : plan?  user : key }
plan free { limit rpm: 10 req/min per user }
plan pro { limit rpm: 20 req/min per user }
