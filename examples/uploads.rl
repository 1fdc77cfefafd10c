# How much may be uploaded? Bytes are counted as bytes: per minute for the line, per day for the storage, and no single
# file too large.
edition 2026
use std.http

input {
  user: key
  plan: plan
}

plan basic {
  largest_file = 10 MiB
  daily_volume = 1 GiB/day
}

plan studio {
  largest_file = 4 GiB
  daily_volume = 200 GiB/day
}

rule uploads {
  on POST "/files", PUT "/files/:id"
  if body_size > plan.largest_file then deny 413 "Files on the {plan} plan may have {plan.largest_file}."
  limit volume: plan.daily_volume per user resets in "UTC" costing body_size warn at 90%
  limit line: 20 MiB/s per user using token_bucket burst 4 GiB costing body_size
  limit parallel: 3 in flight per user for at most 10 min
}

## What is downloaded is known when it has been sent.
rule downloads {
  on GET "/files/:id"
  limit egress: 50 GiB/day per user resets in "UTC" reserve 0 bytes settle response.size
}

test "a file that is too large is refused by name" {
  given user = "ada", plan = basic
  send POST "/files" with body_size = 11 MiB expect deny 413
  send POST "/files" with body_size = 10 MiB expect allow
}

test "a gibibyte a day" {
  given user = "ada", plan = basic, body_size = 10 MiB
  send 102 POST "/files" reply 201 expect allow
  send POST "/files" expect reject by volume
  send POST "/files" with body_size = 4 MiB reply 201 expect allow
  expect used volume for user "ada" == 1 GiB
}

test "downloads count by what was sent" {
  given user = "ada", plan = basic
  send GET "/files/7" expect allow
  reply with response.size = 30 GiB
  send GET "/files/7" expect allow
  reply with response.size = 30 GiB
  send GET "/files/7" expect reject by egress
}
