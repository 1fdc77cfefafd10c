input { user : key }
rule api { limit calls: 10 req/min per user burst 5 req }
test "t" {
  given user = "ada"
  set used calls for user "ada" = 3 req
  send GET "/" expect allow
}
