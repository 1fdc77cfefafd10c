edition 2026
rule api { on GET "/v1"  limit 10 req/min per ip }
rule more { on GET "/v2"  if body_size > 5 MiB then deny }
