input { user : key  region : string }
rule api { limit 10 req/min per user }
test "t" {
  given user = "ada"
  send GET "/" expect allow
  send GET "/" expect allow
}
