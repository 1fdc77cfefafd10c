use shared.nets (office)
use shared.nets_again (partners)
use std.http
rule api { if ip in office then exempt "staff" }
# file: shared/nets.rl
module shared.nets
set office = 203.0.113.0/24
set partners = 198.51.100.0/24
# file: shared/nets_again.rl
module shared.nets
