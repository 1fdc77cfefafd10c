use std.http
calendar holidays = 2026-12-25
rule api { limit 100or req/min per ip }
