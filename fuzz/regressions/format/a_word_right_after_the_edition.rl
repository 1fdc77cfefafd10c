edition 2026use std.http
rule a { limit 5 req/min per ip }
