use std.http
rule api { if ip == 10.0.0.0/8 then deny }
