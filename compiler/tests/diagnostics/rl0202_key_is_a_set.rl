use std.http
set office = 10.0.0.0/8
rule api { limit 10 req/min per office }
