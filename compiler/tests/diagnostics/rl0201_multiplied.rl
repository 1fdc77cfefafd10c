input { size : bytes  n : tokens }
rule api { if size * n > 5 MiB then deny }
