input { user : key  region : string }
rule api {
  if region == "us" then limit per_minute: 100 req/min per user
}
rule again {
  if region in {"us"} then limit us: 100 req/min per user
}
