input { user : key  plan : plan }
plan free { points = 10 points/min }
plan pro { points = 100 points/min }
rule api { limit plan.points per user reserve 20 points settle 5 points }
