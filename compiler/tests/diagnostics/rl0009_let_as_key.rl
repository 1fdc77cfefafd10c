use std.http
input { user : key? }
rule api { let who = user ?? "nobody"  limit 10 req/min per who }
