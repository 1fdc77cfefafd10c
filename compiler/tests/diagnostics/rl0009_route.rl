use std.http
rule api { if route == "/v1" then deny }
