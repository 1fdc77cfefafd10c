input { user : key }
rule api {
  let strict = true
  if strict then limit 100 req/min per user
}
