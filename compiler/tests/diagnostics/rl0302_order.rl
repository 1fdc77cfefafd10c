input { size : bytes? }
rule api { if size > 5 MiB then deny }
