use std.http
input { user : key  vip : bool }
budget { charges <= 2 per request }
rule everywhere { limit 100 req/min per user }
rule search {
  on GET "/search"
  limit rps: 5 req/s per user
  if vip then limit more: 60 req/min per user else limit few: 6 req/min per user
}
