# What every service of ours refuses, and the ceiling that most have.
edition 2026
module shared.protection
use std.http

set traps = "/.env", "/.git/config", "/wp-login.php"

## Nobody asks for these by mistake.
rule scanners {
  if path in traps or path like "*.php" then deny 404
}

## More than anybody needs.
rule ceiling {
  limit 100 req/min per ip
}

test "a trap is a trap" {
  send GET "/.env" expect deny 404
  send GET "/environment" expect allow
}
