use shared.a
use shared.b
rule api { limit 10 req/min per user }
# file: shared/a.rl
module shared.a
input { user : key }
# file: shared/b.rl
module shared.b
input { user : string }
