# How do I limit a language model by tokens, known before the call? The shapes come with std.ai.
edition 2026
use std.ai
use std.http

input {
  user: key
}

rule chat {
  on POST "/v1/chat/completions"
  limit tokens_per_minute: 90k tokens/min per user costing prompt_tokens + max_tokens
  limit large_per_day: if model == "large" then 50 req/24 h else 500 req/24 h per user
}

test "a prompt counts with the longest answer it may have" {
  given user = "ada", model = "small", prompt_tokens = 40_904 tokens
  send 2 POST "/v1/chat/completions" expect allow
  send POST "/v1/chat/completions" expect reject by tokens_per_minute
}

test "the large model has its own daily measure" {
  given user = "ada", model = "large", prompt_tokens = 10 tokens, max_tokens = 10 tokens
  send 50 POST "/v1/chat/completions" expect allow
  send POST "/v1/chat/completions" expect reject by large_per_day
}
