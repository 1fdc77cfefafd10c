input { size : bytes  user : key }
rule api { limit $5/min per user costing $1/Mtok * size }
