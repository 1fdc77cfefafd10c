# What does the standard library save me? Networks, countries, hours and ready rules, each named where it comes from.
edition 2026
use std.http
use std.geo (eu, efta)
use std.net (private)
use std.patterns (login, signup)
use std.time (utc_weekends)

## Our own machines are not counted.
rule inside {
  if ip in private then exempt "our own network"
}

## Reports are made in Europe: others get fewer, and fewer still at weekends, when nobody looks at them.
rule reports {
  on GET "/reports/**"
  if country in eu or country in efta then {
    limit european: 60 req/min per ip
  } else {
    limit elsewhere: if now in utc_weekends then 5 req/min else 20 req/min per ip
  }
}

test "a European reads on while others wait" {
  given ip = 203.0.113.7, country = "DE"
  send 20 GET "/reports/july" expect allow
  send GET "/reports/july" expect allow
  given country = "US"
  send 20 GET "/reports/july" expect allow
  send GET "/reports/july" expect reject by elsewhere
}

test "at weekends fewer are enough, and an unknown country is elsewhere" {
  given ip = 203.0.113.8
  at 2026-01-10T12:00:00Z
  send 5 GET "/reports/july" expect allow
  send GET "/reports/july" expect reject by elsewhere
}

test "the imported rules hold: passwords are not guessed" {
  given ip = 203.0.113.9
  send 5 POST "/login" expect allow
  send POST "/login" expect reject by login_burst
}

test "our own machines are let through" {
  given ip = 10.1.2.3
  send 100 POST "/login" expect exempt
}
