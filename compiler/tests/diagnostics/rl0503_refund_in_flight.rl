use std.http
input { user : key }
rule api { limit 4 in flight per user for at most 2 min refund when response.status >= 500 }
