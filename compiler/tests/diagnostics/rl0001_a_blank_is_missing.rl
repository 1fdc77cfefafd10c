use std.http
rule large { if 100 > 5or method == "PUT" then deny 413 }
