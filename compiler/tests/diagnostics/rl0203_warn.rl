input { user : key }
rule api { limit 10 req/min per user warn at 120% }
