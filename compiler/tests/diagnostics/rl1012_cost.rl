input { user : key }
rule api { limit 10 points/min per user costing 20 points }
