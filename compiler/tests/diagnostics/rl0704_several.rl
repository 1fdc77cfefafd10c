input { user : key  region : string  org : key  size : bytes }
rule api { limit 10 req/min per user }
test "t" {
  send GET "/" expect allow
}
