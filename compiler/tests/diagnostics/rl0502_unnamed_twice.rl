input { user : key }
rule api {
  limit 10 req/min per user
  limit 100 req/min per user
}
