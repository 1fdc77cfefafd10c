input { user : key  price : eur }
rule api { limit $5/min per user costing price }
