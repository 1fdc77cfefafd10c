input { user : key }
rul api { limit 10 req/min per user }
