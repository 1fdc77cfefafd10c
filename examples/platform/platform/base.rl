# What holds for everybody on the platform; the team's own policies build on it.
edition 2026

module platform.base

use std.http
use shared.nets (office, partners)

hierarchy tenant > user

input {
  tenant: key
  user: key
  api_key: key? from header "x-api-key" untrusted
}

rule staff {
  if ip in office then exempt "our own staff"
}

rule api {
  limit tenant_rate: 5000 req/min per tenant
  limit user_rate: 100 req/min per user
  limit per_client: 20 req/min per ip, bucket(api_key ?? "none", 256) fail local 10%
}

rule abuse {
  if path matches "(?i)/wp-(admin|login)" and ip not in partners then deny 404
  if user_agent is missing then limit bots: 60 req/min globally
}

test "a client that varies its key still counts by its address" {
  given tenant = "acme", user = "ada", ip = 192.0.2.77, user_agent = "curl/8"
  send 20 GET "/v1/items" expect allow
  send GET "/v1/items" expect reject by per_client
}

test "partners may crawl where others are turned away" {
  given tenant = "acme", user = "ada", user_agent = "crawler/1"
  send GET "/wp-login" with ip = 192.0.2.77 expect deny 404
  send GET "/wp-login" with ip = 198.51.100.3 expect allow
}

test "who does not say what he is shares one small counter" {
  given tenant = "acme", user = "ada"
  send GET "/v1/items" with ip = 192.0.2.77 expect allow
  expect used bots == 1 req
}
