input { user : key }
shadow rule api rollout 10% by user { limit 10 req/min per user }
