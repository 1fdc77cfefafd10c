use std.http
rule api { limit 10 requets/min per ip }
