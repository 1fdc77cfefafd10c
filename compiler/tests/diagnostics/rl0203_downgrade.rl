input { user : key  model : one of "large", "small" }
rule api { if model == "large" then limit 10 req/min per user on exceed downgrade model to "smal" }
