input { user : key }
shadow rule api { limit 10 req/min per user }
