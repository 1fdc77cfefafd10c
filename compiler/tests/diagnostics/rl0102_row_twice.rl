input { model : string }
table price by model : (input usd/Mtok) {
  "a" => $1/Mtok
  "a" => $2/Mtok
  else => $3/Mtok
}
rule api { if price[model].input > $1/Mtok then deny }
