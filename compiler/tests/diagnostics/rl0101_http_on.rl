rule api { on GET "/v1"  limit 10 req/min globally }
