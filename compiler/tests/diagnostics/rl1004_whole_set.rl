input {
  user   : key
  region : one of "us", "eu"
}
rule api {
  if region in {"us", "eu"} then limit 100 req/min per user
}
