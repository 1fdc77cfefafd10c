use std.http
rule api { limit 10 req/min per ip on GET "/v1" }
