input { shard : int }
rule api { limit calls: 10 req/min per shard }
test "t" {
  given shard = 1
  set used calls for shard "one" = 3 req
  send GET "/" expect allow
}
