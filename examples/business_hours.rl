edition 2026
use std.http

input {
  user: key
  region: string = "unknown"
}

schedule business_hours = mon..fri 09:00..17:00 in "America/New_York"

## The rule from the very first roadmap, made real.
rule api {
  if region == "US" and now in business_hours
  then limit 1000 req/min per user
  else limit 500 req/min per user
}

test "one counter, two ceilings: the clock changes the limit, not the history" {
  given user = "ada", region = "US"
  at 2026-03-02T16:59:30-05:00  # Monday, half a minute before closing
  send 600 GET "/v1/items" expect allow
  at 2026-03-02T17:00:05-05:00  # closed; 55/60 of the last minute's 600 still count: 550 of 500
  send GET "/v1/items" expect reject by api, retry after == 5.1 s
}
