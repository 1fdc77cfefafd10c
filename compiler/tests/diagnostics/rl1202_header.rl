use std.http
rule api { limit 100 req/min per header("x-client-id") ?? "none" }
