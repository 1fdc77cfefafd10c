input { user : key }
rule api { limit 10 req/min per user }
test "back" {
  given user = "ada"
  at 2026-06-01T12:00:00Z
  at 2026-06-01T11:00:00Z
  send GET "/" expect allow
}
