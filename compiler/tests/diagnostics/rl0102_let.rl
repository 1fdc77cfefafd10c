input { n : int  user : key }
rule api {
  let m = n + 1
  if n > 5 then { let m = n + 2  limit 10 req/min per user costing 1 req }
}
