edition 2026
rule api { limit 10 req/min per ip }
