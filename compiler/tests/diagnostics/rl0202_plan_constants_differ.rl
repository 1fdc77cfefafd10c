input { plan : plan }
plan free { size = 1 MiB }
plan pro { size = "big" }
rule api { if plan.size > 2 MiB then deny }
