input { user : key }
rule api { limit 30 req/min per user overshoot 3% }
