use std.http
rule api { limit 10 req/min per ip warn at 80% }
test "t" { send GET "/" expect allow, warn api at 50% }
