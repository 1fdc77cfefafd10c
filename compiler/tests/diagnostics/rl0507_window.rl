input { plan : plan  user : key }
plan free { limit rpm: 10 req/min per user }
plan pro extends free { limit rpm: 20 req/min per user burst 5 req }
