input { user : key  org : key  model : string  estimate : tokens  used : tokens after response  cost : usd }
rule daily { if model == "large" then limit a: 10 req/min per user on exceed downgrade model to "small" }
rule monthly { limit b: 100 req/min per org on exceed downgrade model to "tiny" }
