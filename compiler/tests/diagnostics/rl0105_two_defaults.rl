use shared.a
use shared.b
rule api { limit 10 req/min per region }
# file: shared/a.rl
module shared.a
input { region : string = "us" }
# file: shared/b.rl
module shared.b
input { region : string = "eu" }
