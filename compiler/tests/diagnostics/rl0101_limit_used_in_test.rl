input { user : key }
rule api { limit calls: 10 req/min per user }
test "t" {
  given user = "ada"
  set used hourly for user "ada" = 3 req
  send GET "/" expect allow
}
