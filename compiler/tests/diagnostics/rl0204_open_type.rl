input { n : int  user : key }
rule api { match n { 1 => limit 10 req/min per user } }
