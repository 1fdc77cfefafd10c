input { plan : plan  user : key }
plan free { size = 1 MiB }
plan pro { size = 1 MiB }
rule api { match plan { free => limit 10 req/min per user } }
