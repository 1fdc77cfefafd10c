input { account : key }
rule api { limit 10 req/min per acount }
