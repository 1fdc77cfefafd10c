use std.http
rule api { if ip in warehouse then deny }
