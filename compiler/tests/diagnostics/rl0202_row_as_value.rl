input { model : string }
table price by model : (input usd/Mtok, output usd/Mtok) { else => $3/Mtok, $4/Mtok }
rule api { if price[model] > $1/Mtok then deny }
