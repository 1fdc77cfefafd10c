input {
  user : key
  plan : plan
}
plan free { quota = 10 req/min }
plan pro  { quota = 60 req/min }
plan max  { quota = 600 req/min }
rule api {
  if plan == free then limit a: plan.quota per user
  else if plan == pro then limit b: plan.quota per user
}
