input { region : one of "a", "b", "c", "d", "e", "f"  user : key }
rule api { match region { "a" => limit 10 req/min per user } }
