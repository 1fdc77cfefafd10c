input { size : bytes }
rule api { limit 10 req/min per size }
