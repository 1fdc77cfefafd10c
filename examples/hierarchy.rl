# How do an organisation's limits and its users' limits hold together? Every level must fit: when the organisation has
# run dry everybody in it waits, when one user has, only that user does.
edition 2026
use std.http

hierarchy org > user

input {
  org: key
  user: key
  plan: plan

  ## What the call will cost, as the service estimates it.
  price: usd = $0
}

plan free {
  limit org_daily: 10_000 req/day per org resets in "UTC"
  limit org_spend: $100/month per org resets in "UTC" costing price warn at 80%, 95% fail closed
  limit user_rate: 10 req/min per user
  limit user_spend: $1/day per user resets in "UTC" costing price fail closed
  limit org_images: 1000 req/day per org resets in "UTC" on POST "/api/image"
  limit user_images: 50 req/day per user resets in "UTC" on POST "/api/image"
}

test "every level is checked, and all are charged" {
  given org = "org_456", user = "user_123", plan = free
  set used org_daily for org "org_456" = 8500 req
  set used org_images for org "org_456" = 750 req
  set used user_rate for user "user_123" = 8 req
  set used user_images for user "user_123" = 45 req
  send POST "/api/image" expect allow
  expect used org_daily for org "org_456" == 8501 req
  expect used org_images for org "org_456" == 751 req
  expect used user_rate for user "user_123" == 9 req
  expect used user_images for user "user_123" == 46 req
}

test "an organisation without quota blocks everybody in it, and nobody else" {
  given plan = free
  set used org_daily for org "acme" = 10_000 req
  send GET "/api/items" with org = "acme", user = "ada" expect reject by org_daily
  send GET "/api/items" with org = "acme", user = "bob" expect reject by org_daily
  send GET "/api/items" with org = "beta", user = "ada" expect allow
}

test "a user without quota blocks only that user, and burns nothing of the organisation's" {
  given org = "acme", plan = free
  send 10 GET "/api/items" with user = "ada" expect allow
  send 5 GET "/api/items" with user = "ada" expect reject by user_rate
  send GET "/api/items" with user = "bob" expect allow
  expect used org_daily for org "acme" == 11 req
}

test "a dollar a day for a user, a hundred a month for all of them" {
  given org = "acme", user = "ada", plan = free, price = $0.25
  send 4 POST "/api/text" expect allow
  send POST "/api/text" expect reject by user_spend
  set used org_spend for org "acme" = $99.90
  send POST "/api/text" with user = "bob" expect reject by org_spend
  send POST "/api/text" with user = "bob", price = $0.10 expect allow
  expect used org_spend for org "acme" == $100
}
