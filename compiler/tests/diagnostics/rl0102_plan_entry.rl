input { plan : plan  user : key }
plan free {
  limit rpm: 10 req/min per user
  limit rpm: 20 req/min per user
}
