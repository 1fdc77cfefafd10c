input { model : string  prompt : tokens  user : key }
table price by model : (input usd/Mtok) { else => $1/Mtok }
rule api { limit $5/min per user costing prices[model].input * prompt }
