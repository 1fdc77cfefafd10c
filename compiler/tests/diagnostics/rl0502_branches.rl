input { user : key  vip : bool }
rule api {
  if vip then limit 10 req/s per user else limit 100 req/min per user
}
