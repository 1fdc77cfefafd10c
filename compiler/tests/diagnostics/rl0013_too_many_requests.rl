input { user : key }
rule api { limit 10 req/min per user }
test "many" {
  given user = "ada"
  send 5000000 GET "/" expect allow
}
