input {
  user : key
  plan : plan
}
plan free { quota = 10 req/min  cap = 1 }
plan pro  { quota = 60 req/min  cap = 2 }
rule api { limit plan.quota per user }
