input { region : string }
rule api { limit 10 req/min }
