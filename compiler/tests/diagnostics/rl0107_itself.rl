input { plan : plan  user : key }
plan free extends free { limit rpm: 10 req/min per user }
