input { user : key  org : key  model : string  estimate : tokens  used : tokens after response  cost : usd }
rule api {
  if model == "large" then {
    limit a: 10 req/min per user on exceed downgrade model to "small"
    limit b: 100 req/min per org on exceed downgrade model to "tiny"
  } else limit c: 50 req/min per user on exceed downgrade model to "nano"
}
