input {
  user    : key
  country : string
}
rule api { limit 100 req/min per user }
