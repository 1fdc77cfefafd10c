edition 2026
use std.http

# What a request brings besides its method, path and address. Your service fills it in.
input {
  user: key?
  plan: plan = free
}

plan free {
  limit requests: 60 req/min per user ?? ip
  limit daily: 5k req/day per user ?? ip resets in "UTC"
  max_upload = 5 MiB
}

plan pro extends free {
  limit requests: 600 req/min per user ?? ip
  limit daily: 100k req/day per user ?? ip resets in "UTC"
  max_upload = 100 MiB
}

## A login is guessed from one address, whoever is named in it.
rule login {
  on POST "/login"
  limit attempts: 5 req/min per ip
}

rule uploads {
  on POST "/files"
  if body_size > plan.max_upload then deny 413 "The {plan} plan takes files up to {plan.max_upload}."
}

rule health {
  on GET "/healthz"
  exempt "probes are never limited"
}

test "the sixty-first request of a minute is turned away" {
  given user = "ada", plan = free, ip = 192.0.2.1
  at 2026-03-02T12:00:00Z
  send 60 GET "/items" expect allow
  send GET "/items" expect reject by requests
  send GET "/healthz" expect exempt
}

test "a password is guessed five times a minute at most" {
  given plan = free, ip = 192.0.2.1
  send 5 POST "/login" expect allow
  send POST "/login" with user = "ada" expect reject by attempts
}

test "a paying customer may upload more" {
  given user = "bob", ip = 192.0.2.2, body_size = 20 MiB
  send POST "/files" with plan = free expect deny 413
  send POST "/files" with plan = pro expect allow
}
