input { plan : plan }
plan free { max_size = 5 MiB }
rule api { if plan.region == "us" then deny }
