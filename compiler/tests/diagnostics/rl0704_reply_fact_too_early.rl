use std.http
input { user : key  org : key  model : string  estimate : tokens  used : tokens after response  cost : usd }
rule api { limit 90k tokens/min per user reserve estimate settle used }
test "t" {
  given user = "ada", org = "o", model = "m", estimate = 5 tokens, cost = $0, used = 5 tokens
  send GET "/" expect allow
}
