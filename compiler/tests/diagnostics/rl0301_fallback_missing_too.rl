input { account : key?  session : key? }
rule api { limit 20 req/min per account ?? session }
