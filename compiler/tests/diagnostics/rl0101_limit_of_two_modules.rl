use shared.a (api)
use shared.b (api)
use std.http
test "t" { send GET "/" expect reject by api }
# file: shared/a.rl
module shared.a
use std.http
rule api { limit 10 req/min per ip }
# file: shared/b.rl
module shared.b
use std.http
rule api { limit 10 req/min per ip }
