use std.http
input { org : key trusted }
rule api { limit 10 req/min per org }
