use std.http
rule no_scanners {
  on "/wp-login.php"
  deny 404
}
rule no_bots {
  on "/wp-login.php"
  deny 404
}
