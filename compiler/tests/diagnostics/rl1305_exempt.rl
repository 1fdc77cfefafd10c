use std.http
rule health { on GET "/healthz"  exempt }
