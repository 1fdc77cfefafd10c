input { region : one of "us", "eu", "ap"  user : key }
rule api { limit match region { "us" => 10 req/min, "eu" => 20 req/min } per user }
