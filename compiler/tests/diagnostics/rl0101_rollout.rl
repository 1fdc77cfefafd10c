input { user : key }
rule api rollout 10% by usr { limit 10 req/min per user }
