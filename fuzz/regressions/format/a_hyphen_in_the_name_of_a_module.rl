use a-b
rule a { limit 5 req/min }
