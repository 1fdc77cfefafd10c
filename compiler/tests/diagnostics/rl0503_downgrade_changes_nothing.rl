input { user : key  org : key  model : string  estimate : tokens  used : tokens after response  cost : usd }
rule api { limit 10 req/min per user on exceed downgrade model to "small" }
