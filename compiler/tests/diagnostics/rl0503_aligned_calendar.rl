input { user : key }
rule api { limit 10 req/day per user aligned resets in "UTC" }
