# The second service: the same modules, other limits of its own.
edition 2026
use shared.protection (scanners)
use std.http

rule downloads {
  on GET "/files/**"
  limit files: 3 in flight per ip for at most 10 min
}

test "three downloads at once" {
  given ip = 203.0.113.7
  send 3 GET "/files/a.iso" expect allow
  send GET "/files/a.iso" expect reject by files
}

test "scanners find nothing here either" {
  send GET "/index.php" expect deny 404
}
