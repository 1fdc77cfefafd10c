use shared.plans
plan free { }
rule api { limit 10 req/min globally }
# file: shared/plans.rl
module shared.plans
plan free { }
plan pro { }
