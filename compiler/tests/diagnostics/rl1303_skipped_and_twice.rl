input { user : key }
schedule maintenance = sun 02:30..04:00 in "Europe/Berlin"
rule api {
  if now in maintenance then deny 503
  limit 100 req/min per user
}
