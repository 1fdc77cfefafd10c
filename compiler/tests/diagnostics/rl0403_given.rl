input { user : key  n : int }
rule api { limit 10 req/min per user }
test "t" {
  given user = "ada", n = n
  send GET "/" expect allow
}
