# How are dollars capped when a call's cost is known only after it? The worst case is held before the call and settled
# after it: calls that run at once cannot overspend together.
edition 2026
use std.http

hierarchy org > user

input {
  org: key
  user: key
  plan: plan
  model: string  # this and what follows also come with `use std.ai`
  prompt_tokens: tokens
  max_tokens: tokens = 4096 tokens
  usage.input: tokens after response
  usage.output: tokens after response
}

plan hobby {
  daily_budget = $1/day
  org_budget = $100/month
}

plan scale {
  daily_budget = $50/day
  org_budget = $20k/month
}

table price by model: (input usd/Mtok, output usd/Mtok) {
  "large" => $2.50/Mtok, $10.00/Mtok
  "small" => $0.15/Mtok, $0.60/Mtok
  else => $15.00/Mtok, $75.00/Mtok  # an unknown model is priced as the dearest
}

rule chat {
  on POST "/v1/chat/completions"

  let estimate = price[model].input * prompt_tokens + price[model].output * max_tokens
  let actual = price[model].input * usage.input + price[model].output * usage.output

  # Hold the worst case before the call, settle the truth after it.
  limit daily: plan.daily_budget per user
    resets in "UTC"
    reserve estimate settle actual
    warn at 80%
    on exceed downgrade model to "small"
    fail closed  # no store, no spending

  limit monthly: plan.org_budget per org
    resets in "UTC"
    reserve estimate settle actual
    warn at 50%, 80%, 95%
    fail closed

  limit tpm: 90k tokens/min per org
    reserve prompt_tokens + max_tokens settle usage.input + usage.output
    using gcra
    burst 20k tokens

  limit streams: 4 in flight per user for at most 5 min
}

test "a hobbyist is moved to the small model, not turned away" {
  given org = "home", user = "ada", plan = hobby, model = "large", prompt_tokens = 1k tokens
  set used daily for user "ada" = $0.98
  send POST "/v1/chat/completions" expect downgrade model = "small"
  reply with usage.input = 1k tokens, usage.output = 200 tokens
  expect used daily for user "ada" == $0.98027
}

test "calls that run at once cannot overspend together" {
  given org = "home", user = "ada", plan = hobby, model = "unknown"
  given prompt_tokens = 1k tokens, max_tokens = 1k tokens
  set used daily for user "ada" = $0.70
  send 3 POST "/v1/chat/completions" expect allow  # each holds $0.09
  send POST "/v1/chat/completions" expect downgrade model = "small"
  send POST "/v1/chat/completions" expect reject by streams
}

test "the truth replaces the estimate to the nano-dollar" {
  given org = "home", user = "ada", plan = hobby, model = "large", prompt_tokens = 1k tokens
  send POST "/v1/chat/completions" expect allow
  expect used daily for user "ada" == $0.04346
  reply with usage.input = 1_003 tokens, usage.output = 7 tokens
  expect used daily for user "ada" == $0.0025775
  expect used monthly for org "home" == $0.0025775
}

test "a call that is never answered costs what was held" {
  given org = "home", user = "ada", plan = hobby, model = "large", prompt_tokens = 1k tokens
  send POST "/v1/chat/completions" expect allow
  wait 1 h
  expect used daily for user "ada" == $0.04346
}
