input {
  user : key
  team : string
}
rule api {
  if team == "core" and user != user then limit 100 req/min per user
}
