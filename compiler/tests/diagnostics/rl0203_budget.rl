input { user : key }
budget {
  charges <= 0 per request
}
rule api { limit 100 req/min per user }
