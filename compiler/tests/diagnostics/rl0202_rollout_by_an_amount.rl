input { user : key  size : bytes }
rule api rollout 10% by size { limit 10 req/min per user }
