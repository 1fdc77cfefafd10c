use shared.base (guard_all, slow)
input { user : key }
rule own { limit 1 req/s per user }
# file: shared/base.rl
module shared.base
input { user : key }
budget { charges <= 1 per request }
rule guard_all { limit 100 req/min per user }
rule slow { limit 10 req/min per user }
