input { plan : plan }
plan free { size = 1 MiB }
rule api { if plan in free then deny }
