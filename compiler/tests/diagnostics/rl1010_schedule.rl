use std.http
schedule nights = daily 22:00..06:00
rule api { limit 100 req/min per ip }
