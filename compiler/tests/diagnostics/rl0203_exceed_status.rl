input { user : key }
rule api { limit 10 req/min per user on exceed deny 200 "fine" }
