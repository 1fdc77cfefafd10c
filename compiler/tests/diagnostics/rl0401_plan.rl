input { plan : plan after response  user : key }
plan free { limit rpm: 5 req/min per user }
