input { user : key  estimate : tokens  used : tokens? after response }
rule api { limit 90k tokens/min per user reserve estimate settle used }
