edition 2026
use std.http

set monitoring = 192.0.2.10, 2001:db8:0:1::/64

## Nobody reads faster than this; a page brings some ten files along.
rule visitors {
  limit visits: 60 req/min per ip
  limit daily: 2000 req/day per ip resets in "UTC"
}

## Pages that cost the server work.
rule search {
  on GET "/search", ANY "/api/**"
  limit searches: 10 req/min per ip using token_bucket burst 5 req
}

## Guessing passwords is slow.
rule login {
  on POST "/login"
  limit logins: 5 req/10 min per ip
}

rule scanners {
  if path like "*.php" or path like "/.*" then deny 404
}

rule probes {
  on GET "/healthz"
  if ip in monitoring then exempt "our own monitoring"
}

test "a page with its files fits, a crawler does not" {
  given ip = 203.0.113.7
  send 11 GET "/blog/post" expect allow
  wait 20 s
  send 49 GET "/blog/post" expect allow
  send GET "/blog/post" expect reject by visits
  send GET "/blog/post" with ip = 203.0.113.8 expect allow
}

test "one network of IPv6 is one visitor" {
  send 60 GET "/" with ip = 2001:db8:7::1 expect allow
  send GET "/" with ip = 2001:db8:7::2 expect reject by visits
  send GET "/" with ip = 2001:db8:7:1::2 expect allow
}

test "searches come in bursts of five" {
  given ip = 198.51.100.3
  send 5 GET "/search" expect allow
  send GET "/search" expect reject by searches, retry after == 6 s
  wait 6 s
  send GET "/search" expect allow
}

test "five guesses in ten minutes" {
  given ip = 203.0.113.99
  send 5 POST "/login" expect allow
  send POST "/login" expect reject by logins
}

test "scanners find nothing, monitoring is not counted" {
  send GET "/wp-login.php" expect deny 404
  send GET "/.env" expect deny 404
  send 500 GET "/healthz" with ip = 192.0.2.10 expect exempt
  send GET "/healthz" with ip = 192.0.2.11 expect allow
}
