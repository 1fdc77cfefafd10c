input { user : key }
rule api { limit 10 req/min per user }
test "t" {
  given user = "ada"
  send GET "/" expect allow
  reply 500
}
