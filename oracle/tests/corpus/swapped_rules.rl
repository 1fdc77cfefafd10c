# Found by writing rules in another order: a policy saw what another of as many slots had left in the thread's frame, and
# denied what it has no rule for.
edition 2026
use std.http

input {
  user: key
  n: int
}

rule b {
  if n == 7 then limit 1 req/min per user
}

rule a {
  on ANY "/a"
  deny 418
}

test "a number is no route" {
  given user = "ada", n = 1
  send GET "/other" expect allow
  send GET "/a" expect deny 418
}
