input { user : key }
rule api { limit 10 req/min per user using sliding_window burst 5 req }
