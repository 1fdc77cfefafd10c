input { plan : plan }
plan free { size = 1 MiB }
plan pro { priority = 5 }
rule api { if plan.size > 1 MiB then deny }
