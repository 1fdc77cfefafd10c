input { user : key  a : int  b : int }
budget { steps <= 3 per request }
rule small { limit 100 req/min per user }
rule large { if a > 5 and b < 7 or a == b then limit 10 req/min per user }
