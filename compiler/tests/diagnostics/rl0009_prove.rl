input { user : key }
rule api { limit base: 10 req/min per user }
prove "bounded": limit base never above 10 req/min
