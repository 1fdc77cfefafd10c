use std.http
input { user : key }
rule api {
  if body_size < 0 bytes then deny 413
  limit 100 req/min per user
}
