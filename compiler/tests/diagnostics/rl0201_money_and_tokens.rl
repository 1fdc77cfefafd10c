input { model : string  prompt : tokens  max_tokens : tokens  user : key }
table price by model : (input usd/Mtok) { else => $1/Mtok }
rule api { limit $5/min per user costing price[model].input * prompt + max_tokens }
