input { plan : plan }
plan free { max_size = 5 MiB }
rule api { if plan.max_sise > 1 MiB then deny }
