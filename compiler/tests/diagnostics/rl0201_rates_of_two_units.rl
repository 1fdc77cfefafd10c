input { user : key  big : bool }
rule api { limit if big then 10 req/min else 10 bytes/min per user }
