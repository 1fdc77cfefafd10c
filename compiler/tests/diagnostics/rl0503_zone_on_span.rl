input { user : key }
rule api { limit 10 req/24 h per user resets in "UTC" }
