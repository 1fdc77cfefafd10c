use std.http
use shared.rules (guests)
# file: shared/rules.rl
module shared.rules
rule guests { limit 10 req/min per ip }
