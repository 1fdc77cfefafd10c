use company.facts
rule api { limit 10 req/min per account }
