input { plan : plan  user : key }
plan free { no limit images  limit rpm: 10 req/min per user }
