input {
  user  : key
  model : string
}
table price by model : (input usd/Mtok) {
  "large" => $2.50/Mtok
  else => $1/Mtok
}
rule api { limit 100 req/min per user, model }
