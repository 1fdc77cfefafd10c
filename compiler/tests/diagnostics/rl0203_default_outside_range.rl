input { n : int in 1..10 = 11 }
