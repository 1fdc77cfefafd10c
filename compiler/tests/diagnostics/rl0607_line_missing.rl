use shared.nets (office)
use std.http
rule api { if ip in office then exempt "staff" }
# file: shared/nets.rl
set office = 203.0.113.0/24
set partners = 198.51.100.0/24
