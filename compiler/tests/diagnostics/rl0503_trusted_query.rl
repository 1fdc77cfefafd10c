use std.http
input { user : key  page : string? from query "page" trusted }
rule api { if page == "0" then deny  limit 10 req/min per user }
