input { user : key }
rule api {
  limit 10 req/min per user, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"
}
