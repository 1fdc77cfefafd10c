input { user : key }
rule api {
  limit old: 10 req/min per user
  limit new: 20 req/min per user was old
}
