input { user : key }
rule api rollout 110% by user { limit 10 req/min per user }
