use std.http
set office = 10.0.0.0/8
rule api { if ip == office then deny }
