input { user : key  org : key  model : string  estimate : tokens  used : tokens after response  cost : usd }
rule api { limit 4 in flight per user for at most 2 min reserve 1 settle 1 }
