input { plan : plan  n : int }
plan free { size = n }
