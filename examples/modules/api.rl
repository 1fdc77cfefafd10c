# How do two services share their networks and their ceiling? Each is a file that uses the same modules.
edition 2026
use shared.protection (scanners, ceiling)
use shared.nets (office)
use std.http

rule staff {
  if ip in office then exempt "our own staff"
}

rule search {
  on GET "/search"
  limit searches: 10 req/min per ip
}

test "the shared rules apply here, counted apart from those of other policies" {
  given ip = 203.0.113.7
  send GET "/.env" expect deny 404
  send 10 GET "/search" expect allow
  send GET "/search" expect reject by searches
  send 90 GET "/" expect allow
  send GET "/" expect reject by shared.protection.ceiling
}

test "staff are let through" {
  given ip = 198.51.100.7
  send 200 GET "/search" expect exempt
}
