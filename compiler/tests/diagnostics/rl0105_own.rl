use std.http
input { path : key  user : key }
rule api { on GET "/v1"  limit 10 req/min per user }
