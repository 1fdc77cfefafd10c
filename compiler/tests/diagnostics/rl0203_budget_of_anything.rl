input { user : key }
budget {
  round trips <= 65 per request
}
rule api { limit 100 req/min per user }
