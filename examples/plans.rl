edition 2026
use std.http

hierarchy org > team? > user  # team may be absent; org and user may not

input {
  org: key
  team: key?
  user: key
  plan: plan
}

plan free {
  limit rpm: 10 req/min per user burst 5 req
  limit daily: 10k req/day per org resets in "UTC"
  limit images: 50 req/day per user resets in "UTC" on POST "/v1/images"
  max_upload = 5 MiB
}

plan pro extends free {
  limit rpm: 60 req/min per user burst 20 req
  limit daily: 100k req/day per org resets in "UTC" at most 30% per user
  limit images: 500 req/day per user resets in "UTC" on POST "/v1/images"
  max_upload = 100 MiB
}

plan enterprise extends pro {
  limit rpm: 600 req/min per user burst 200 req
  no limit daily
  max_upload = 2 GiB
}

rule uploads {
  on POST "/v1/files", PUT "/v1/files/:id"
  if body_size > plan.max_upload then deny 413 "Your {plan} plan takes files up to {plan.max_upload}."
  limit team_uploads: 2 GiB/hour per team costing body_size
}

rule health {
  on GET "/healthz", "/readyz"
  exempt "probes are never limited"
}

test "the org runs dry for everybody in it" {
  given org = "acme", plan = pro
  set used daily for org "acme" = 99_999 req
  send GET "/v1/items" with user = "ada" expect allow
  send GET "/v1/items" with user = "bob" expect reject by daily
}
