input { user : key }
rule api {
  limit one: 10 req/min per user was old
  limit two: 20 req/min per user was old
}
