input { user : key  org : key  model : string  estimate : tokens  used : tokens after response  cost : usd }
rule api { limit 90k tokens/min per user reserve estimate }
