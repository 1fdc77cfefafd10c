use shared.nets (office, partners)
use std.http
rule api { if ip not in office then limit 100 req/min per ip }
# file: shared/nets.rl
module shared.nets
set office = 10.0.0.0/8
set partners = 172.16.0.0/12
