input { model : string  region : string }
table price by model, region : (input usd/Mtok) {
  "a", else => $1/Mtok
  else, "b" => $2/Mtok
  else => $3/Mtok
}
rule api { if price[model, region].input > $1/Mtok then deny }
