use std.http
rule api { if ip < 10.0.0.1 then deny }
