use std.http
shadow rule search { limit 10 req/min per ip }
test "t" { send GET "/" expect allow, shadow serch }
