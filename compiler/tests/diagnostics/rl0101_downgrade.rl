input { user : key  model : string }
rule api { if model == "large" then limit 10 req/min per user on exceed downgrade modle to "small" }
