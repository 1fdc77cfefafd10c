use std.http
input { user : key }
rule api { limit 10 MiB/min per user settle response.size }
