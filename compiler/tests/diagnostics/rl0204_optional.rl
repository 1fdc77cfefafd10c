input { region : one of "us", "eu"?  user : key }
rule api { match region { "us" => limit 10 req/min per user  "eu" => limit 20 req/min per user } }
