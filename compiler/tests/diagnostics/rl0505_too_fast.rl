input { user : key  size : bytes }
rule api { limit 5 GiB/s per user costing size burst 5 GiB }
