input { plan : plan  user : key }
plan free { limit rpm: 10 req/min per user }
plan pro extends free { no limit rmp }
