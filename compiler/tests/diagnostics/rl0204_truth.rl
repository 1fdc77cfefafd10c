input { flag : bool  user : key }
rule api { match flag { true => limit 10 req/min per user } }
