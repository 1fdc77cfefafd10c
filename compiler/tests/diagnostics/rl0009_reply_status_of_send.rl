input { user : key }
rule api { limit 10 req/min per user }
test "t" {
  given user = "ada"
  send GET "/" reply 503 expect allow
}
