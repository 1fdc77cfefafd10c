input { user : key }
rule api { limit 100 req/min per user overshoot 101% }
