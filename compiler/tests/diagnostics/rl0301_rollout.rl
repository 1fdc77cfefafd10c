input { user : key  device : key? }
rule api rollout 10% by device { limit 10 req/min per user }
