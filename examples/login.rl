# How do I stop password guessing without locking out people who log in often?
#
# Only failures count: a login that succeeds is given back. Who keeps failing is locked out, twice as long each time, but
# only from where he tries: nobody can lock the owner of an account out from elsewhere.

edition 2026
use std.http

input {
  account: key
}

rule login {
  on POST "/login"

  limit account_failures: 5 req/15 min per account, ip
    using sliding_log
    refund when response.status < 400
    on exceed block for 15 min doubling up to 1 day forget after 7 days

  limit address_failures: 30 req/hour per ip
    using sliding_log
    refund when response.status < 400
    on exceed deny 403 "Too many failed logins from your network."
}

test "success is free" {
  given account = "ada"
  send 1_000 POST "/login" reply 200 expect allow
}

test "five failures lock an account for a quarter of an hour, and then for longer" {
  given account = "ada"
  send 5 POST "/login" reply 401 expect allow
  send POST "/login" expect reject by account_failures, retry after == 15 min
  wait 15 min
  send 5 POST "/login" reply 401 expect allow
  send POST "/login" expect reject by account_failures, retry after == 30 min
  send POST "/login" with account = "bob" reply 200 expect allow
  send POST "/login" with ip = 192.0.2.8 reply 200 expect allow
}

test "guessing many accounts from one address is stopped by the address" {
  given ip = 198.51.100.7
  send 5 POST "/login" with account = "a" reply 401 expect allow
  send 5 POST "/login" with account = "b" reply 401 expect allow
  send 5 POST "/login" with account = "c" reply 401 expect allow
  send 5 POST "/login" with account = "d" reply 401 expect allow
  send 5 POST "/login" with account = "e" reply 401 expect allow
  send 5 POST "/login" with account = "f" reply 401 expect allow
  send POST "/login" with account = "g" expect reject by address_failures
  send POST "/login" with account = "g", ip = 192.0.2.8 reply 200 expect allow
}
