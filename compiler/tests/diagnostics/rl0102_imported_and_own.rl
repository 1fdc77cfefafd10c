use shared.nets (office)
set office = 192.0.2.0/24
use std.http
rule api { if ip in office then exempt "staff" }
# file: shared/nets.rl
module shared.nets
set office = 203.0.113.0/24
set partners = 198.51.100.0/24
