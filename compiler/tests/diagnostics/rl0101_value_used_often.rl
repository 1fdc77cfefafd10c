input { user : key }
rule api {
  if geography == "US" then limit a: 10 req/min per user
  if geography == "CA" then limit b: 10 req/min per user
  if geography == "MX" then limit c: 10 req/min per user
  if geography == "BR" then limit d: 10 req/min per user
}
