input {
  user     : key
  severity : int in 0..10
}
rule api {
  if severity < 20 then limit 100 req/min per user
}
