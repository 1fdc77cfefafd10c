input { user : key  size : bytes }
rule api { limit 10 MiB/min per user costing size using gcra }
