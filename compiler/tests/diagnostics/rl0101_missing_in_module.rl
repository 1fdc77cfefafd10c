use shared.rules (guests)
# file: shared/rules.rl
module shared.rules
use std.http
rule guests { if ip in guest_nets then limit 10 req/min per ip }
