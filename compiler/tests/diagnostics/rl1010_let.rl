use std.http
rule api {
  let large = 5 MiB
  limit 100 req/min per ip
}
