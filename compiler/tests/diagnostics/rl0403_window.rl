input { user : key  wait : duration }
rule api { limit 5 req / wait per user }
