input { user : key }
rule api { limit calls: 10 req/min per user }
test "t" {
  given user = "ada"
  send GET "/" expect reject by cals
}
