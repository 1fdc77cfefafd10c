use shared.facts
hierarchy org > user
rule api { limit 10 req/min per user }
# file: shared/facts.rl
module shared.facts
input { org : key  team : key  user : key }
hierarchy org > team > user
