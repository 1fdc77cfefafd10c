input { user : key }
schedule sundays = sun 00:00..12:00 in "America/Santiago"
rule api {
  if now in sundays then deny 503
  limit 100 req/min per user
}
