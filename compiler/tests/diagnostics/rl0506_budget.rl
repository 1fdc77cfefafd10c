input { user : key }
budget {
  charges <= 4 per request
  charges <= 8 per request
}
rule api { limit 100 req/min per user }
