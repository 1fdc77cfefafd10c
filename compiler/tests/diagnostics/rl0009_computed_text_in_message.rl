input { a : string? }
rule api { let who = a ?? "you"  deny "hello {who}" }
