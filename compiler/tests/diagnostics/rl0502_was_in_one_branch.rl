input { user : key  flag : bool }
rule api {
  if flag then limit a: 10 req/min per user was old
  else limit a: 20 req/min per user
}
