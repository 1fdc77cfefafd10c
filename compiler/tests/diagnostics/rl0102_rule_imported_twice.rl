use shared.a (api, api)
# file: shared/a.rl
module shared.a
use std.http
rule api { limit 10 req/min per ip }
