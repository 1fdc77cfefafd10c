input {
  user : key
  plan : plan
}
plan free { limit rpm: 10 req/min per user }
plan pro extends free { limit rpm: 60 req/min per user }
plan staff {}
rule api { limit 1000 req/min per user }
