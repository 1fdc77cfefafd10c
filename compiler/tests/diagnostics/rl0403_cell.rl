input { model : string  n : int }
table t by model : (v int) { else => n }
rule api { if t[model] == 1 then deny }
