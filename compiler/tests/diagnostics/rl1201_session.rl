use std.http
input { session : string untrusted }
rule api { limit 5 req/min per ip, session }
