use shared.nets (office)
use std.http
rule api { if ip in office or ip in partners then exempt "staff" }
# file: shared/nets.rl
module shared.nets
set office = 203.0.113.0/24
set partners = 198.51.100.0/24
