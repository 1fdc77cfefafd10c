input { plan : plan  user : key }
plan free { limit rpm: 10 req/min per user  size = 1 MiB }
plan pro extends fre { no limit rpm }
rule api { if plan.size > 5 MiB then deny }
