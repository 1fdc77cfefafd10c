input { plan : plan  user : key }
plan free { limit 10 req/min per user }
