input { plan : plan }
plan free { size = 1 MiB }
plan pro { priority = 5 }
plan team { priority = 7 }
rule api { if plan.size > 1 MiB then deny }
rule more { if plan.size > 2 MiB then deny 413 "over {plan.size}" }
