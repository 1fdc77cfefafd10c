input { user : key }
rule api { limit a: 10 req/min per user }
test "t" { given user = "ada"  send GET "/" expect allow }
test "t" { given user = "bob"  send GET "/" expect allow }
