use std.http
rule api { let home = 10.0.0.1 }
