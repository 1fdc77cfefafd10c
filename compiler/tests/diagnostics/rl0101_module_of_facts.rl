use std.http (ips)
