# Which algorithm does what? Every one of them once, spelled out; most are inferred from the other clauses.
edition 2026
use std.http

input {
  user: key
  org: key
}

rule tour {
  on ANY "/v1/**"
  limit fixed: 1000 req/hour per user using fixed_window
  limit exact: 100 req/min per user using sliding_log
  limit smooth: 100 req/min per user using sliding_window
  limit bursty: 1 req/10 s per user using token_bucket burst 10 req
  limit steady: 5 req/s per user using leaky_bucket burst 50 req
  limit spaced: 60 req/min per user using gcra burst 10 req
  limit parallel: 4 in flight per user for at most 2 min
  limit bandwidth: 10 MiB/s per org using token_bucket burst 64 MiB costing body_size
  limit month: $500/month per org using fixed_window resets in "Europe/Berlin" costing $0.002 fail closed
}

test "a fifth request at once is one too many in flight, until the four are answered" {
  given user = "ada", org = "acme"
  send 4 GET "/v1/items" expect allow
  reply
  send 4 GET "/v1/items" expect allow
  send GET "/v1/items" expect reject by parallel, retry after == 2 min
}

test "a bucket of ten refills one every ten seconds" {
  given user = "ada", org = "acme"
  send 10 GET "/v1/items" reply 200 expect allow
  send GET "/v1/items" expect reject by bursty, retry after == 10 s
  wait 10 s
  send GET "/v1/items" reply 200 expect allow
}

test "the month's money runs out to the last fifth of a cent" {
  given user = "ada", org = "acme"
  set used month for org "acme" = $499.998
  send GET "/v1/items" reply 200 expect allow
  send GET "/v1/items" expect reject by month
  expect used month for org "acme" == $500
}

test "ten pictures at once, and one more every ten seconds" {
  given user = "ada", org = "acme"
  at 2026-03-02T09:00:00Z
  send 5 POST "/v1/images" reply 200 expect allow  # t = 0: five are left
  at 2026-03-02T09:00:10Z
  send POST "/v1/images" reply 200 expect allow  # t = 10: one came back, five are left
  at 2026-03-02T09:01:40Z
  send 10 POST "/v1/images" reply 200 expect allow  # t = 100: the bucket is full again
  send POST "/v1/images" expect reject by bursty, retry after == 10 s
}
