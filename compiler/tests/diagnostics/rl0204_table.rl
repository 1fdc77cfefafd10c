input { tier : one of "a", "b", "c" }
table t by tier : (v int) {
  "a" => 1
  "b" => 2
}
rule api { if t[tier] == 1 then deny }
