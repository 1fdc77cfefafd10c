input { user : key }
rule api { limit 10 req/min per user }
test "t" {
  given usr = "ada"
  send GET "/" expect allow
}
