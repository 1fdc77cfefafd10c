input {
  user    : key
  country : string
}
rule api { limit 1 req/min per user using sliding_log }
test "the second is refused" {
  given user = "ada", country = "fr"
  send GET "/" expect allow
  send GET "/" expect reject
}
