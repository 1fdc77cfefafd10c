input { plan : plan  old_plan : plan  user : key }
plan free { limit rpm: 10 req/min per user }
