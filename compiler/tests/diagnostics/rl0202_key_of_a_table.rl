input { size : bytes }
table t by size : (v int) { else => 1 }
rule api { if t[size] == 1 then deny }
