use shared.net (office)
use std.http
rule api { if ip in office then exempt "staff" }
# file: shared/nets.rl
module shared.nets
set office = 203.0.113.0/24
