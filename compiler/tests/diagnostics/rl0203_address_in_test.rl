use std.http
rule api { limit calls: 10 req/min per ip }
test "t" {
  set used calls for ip "home" = 3 req
  send GET "/" expect allow
}
