use std.http
rule api { limit 10 req/min per ip }
test "t" { send GET "/" expect allow, warn api }
