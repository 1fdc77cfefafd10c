input { user : key  vip : bool }
rule api { limit if vip then 100 req/min else 10 req/s per user }
