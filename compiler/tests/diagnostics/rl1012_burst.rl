input { user : key }
rule api { limit 100 points/min per user burst 10 points costing 20 points }
