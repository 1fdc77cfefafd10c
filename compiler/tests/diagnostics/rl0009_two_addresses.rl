use std.http
input { home : ip }
rule api { if ip == home then deny }
