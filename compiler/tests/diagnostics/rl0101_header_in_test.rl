use std.http
rule api { if header("x-a") == "1" then deny  limit 5 req/min per ip }
test "x" {
  given header("x-b") = "1"
  send GET "/" expect allow
}
