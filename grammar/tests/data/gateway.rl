edition 2026
use std.http

input {
  org          : key
  user         : key
  plan         : plan
  model        : string
  estimate     : usd
  actual       : usd after response
  usage.output : tokens? after response = 0 tokens
}

plan hobby {
  daily_budget = $1/day
}

rule chat {
  on POST "/v1/chat/completions"

  limit daily: plan.daily_budget per user was budget resets in "UTC"
    reserve estimate settle actual for at most 5 min
    warn at 50%, 80%
    on exceed downgrade model to "small"
    fail closed

  limit logins: 5 req/15 min per ip
    refund when response.status < 400
    on exceed deny 429 "Too many tries from {ip}." block for 1 min doubling up to 1 h forget after 1 day
}

rule uploads {
  limit soft: 100 req/min per user on exceed allow
  limit hard: 200 req/min per user on exceed reject block for 10 s doubling up to 1 min
  limit bare: 300 req/min per user on exceed block for 10 s
  limit bytes: 10 MiB/min per user reserve body_size settle response.size at most 30% per ip
}

shadow rule tighter_search per user {
  on GET "/v1/search"
  limit search: 30 req/min
}

rule new_ceiling rollout 12.5% by user {
  limit ceiling: 300 req/min per user
}

test "everything that a test can say" {
  given user = "ada", plan = hobby, model = "large", estimate = $0.02
  set   used daily for user "ada" = $0.98
  send POST "/v1/chat/completions" expect downgrade model = "small", plan = hobby, warn daily at 80%
  reply 500 with actual = $0.01, usage.output = 200 tokens
  reply with actual = $0.01
  send 3 GET "/v1/search" reply 200 with actual = $0 expect allow, shadow search, no warn daily
  send GET "/v1/search" expect reject by soft, retry after > 1 s, no shadow search
  expect used daily for user "ada" == $0.98027
}
