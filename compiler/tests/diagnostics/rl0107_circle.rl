input { plan : plan  user : key }
plan free extends pro { limit rpm: 10 req/min per user }
plan pro extends free { no limit daily }
