use std.http
input { user : key  model : string = "m"  used : tokens after response }
rule api { limit 90k tokens/min per user reserve 5 tokens settle used }
test "t" {
  given user = "ada"
  send GET "/" reply 200 with model = "x" expect allow
}
