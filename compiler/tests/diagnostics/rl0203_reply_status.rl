use std.http
rule api { limit 10 req/min per ip }
test "t" { send GET "/" reply 999 expect allow }
