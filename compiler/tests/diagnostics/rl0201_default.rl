input { size : bytes = 5 }
