input { user : key }
budget {
  charges <= 0 per request
  round trips <= 65 per request
}
rule api { limit 100 req/min per user }
