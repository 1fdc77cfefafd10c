use std.http
rule api { on GET "v1/items"  limit 10 req/min per ip }
