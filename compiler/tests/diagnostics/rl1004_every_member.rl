input {
  user   : key
  region : one of "us", "eu", "ap"
}
rule api {
  if region != "us" or region != "eu" then limit 100 req/min per user
}
