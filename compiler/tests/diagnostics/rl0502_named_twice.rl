input { user : key }
rule one { limit calls: 10 req/min per user }
rule two { limit calls: 20 req/min per user }
