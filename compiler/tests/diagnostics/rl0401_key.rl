input { model : string after response }
rule api { limit 5 req/min per model }
