use std.http
rule api { limit 10 foo/min per ip }
