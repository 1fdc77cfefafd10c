use std.htp
rule api { on GET "/v1" limit 10 req/min per ip }
