input { user : key }
rule api { limit 10 req/min per user }
test "t" {
  given user = "ada"
  reply
  send GET "/" expect allow
}
