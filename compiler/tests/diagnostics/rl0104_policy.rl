module base
use shared.a
# file: shared/a.rl
module shared.a
use shared.b
# file: shared/b.rl
module shared.b
use base
