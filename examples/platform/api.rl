# How does a service stand on the rules of its platform? It takes them from the platform's module and adds its own.
edition 2026
use platform.base (staff, api, abuse)
use std.http

rule exports {
  on POST "/v1/exports"
  limit exports: 10 req/hour per user
}

test "the platform's limits hold here" {
  given tenant = "acme", user = "ada", ip = 192.0.2.77, user_agent = "curl/8"
  send 20 GET "/v1/items" expect allow
  send GET "/v1/items" expect reject by platform.base.per_client
  send GET "/WP-Admin/setup" expect deny 404
}

test "the service's own limit comes on top" {
  given tenant = "acme", user = "ada", ip = 192.0.2.77, user_agent = "curl/8"
  send 10 POST "/v1/exports" expect allow
  send POST "/v1/exports" expect reject by exports
}

test "our own staff is not counted" {
  given tenant = "acme", user = "root", ip = 203.0.113.9
  send 1000 GET "/v1/items" expect exempt
}
