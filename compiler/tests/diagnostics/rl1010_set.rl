use std.http
set office = 203.0.113.0/24
rule api { limit 100 req/min per ip }
