# std.patterns: rules that most services need, ready to apply.
#
# `use std.patterns (login, signup)`: an imported rule applies to every request of the policy that it names a path of.
# Its limits are counted apart from the policy's own, under names such as `std.patterns.login_burst`. Copy a rule into the
# policy where the paths or the numbers are others.
edition 2026

module std.patterns

use std.http

## Guessing passwords: few failures a minute, and not many more a day. A login that succeeds is given back.
rule login {
  on POST "/login", "/signin", "/session", "/auth/login", "/api/login", "/v1/login"
  limit login_burst: 5 req/min per ip refund when response.status < 400
  limit login_day: 50 req/24 h per ip refund when response.status < 400
}

## Making accounts by machine: a handful an hour from one network.
rule signup {
  on POST "/signup", "/register", "/auth/signup", "/api/signup", "/v1/signup"
  limit signup_hour: 5 req/hour per ip
  limit signup_day: 20 req/24 h per ip
}

## Searches cost more than pages: a person's pace, with a short burst.
rule search {
  on GET "/search", "/api/search", "/v1/search"
  limit search_pace: 30 req/min per ip burst 10 req
}

## Senders that repeat what they could not deliver: a steady rate, with room for a backlog.
rule webhook {
  on POST "/webhook/**", "/webhooks/**", "/hooks/**"
  limit webhook_rate: 10 req/s per ip burst 100 req
}

test "five failures a minute, then a pause" {
  send 100 POST "/login" reply 200 expect allow
  send 5 POST "/login" reply 401 expect allow
  send POST "/login" expect reject by login_burst
  wait 2 min
  send POST "/login" expect allow
}

test "accounts are made one after the other" {
  send 5 POST "/signup" expect allow
  send POST "/signup" expect reject by signup_hour
}

test "each pattern looks at its own paths" {
  send 10 GET "/search" expect allow
  send GET "/search" expect reject by search_pace
  send 100 POST "/webhooks/orders" expect allow
  send POST "/webhooks/orders" expect reject by webhook_rate
  send GET "/login" expect allow
}
