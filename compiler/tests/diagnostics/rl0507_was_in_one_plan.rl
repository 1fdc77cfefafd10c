input { user : key  plan : plan }
plan free { limit rpm: 10 req/min per user was rate }
plan pro extends free { limit rpm: 20 req/min per user }
