input { user : key }
plan free { limit rpm: 10 req/min per user  limit daily: 100 req/24 h per user  size = 5 MiB }
rule api { if plan.size > 1 MiB then deny }
