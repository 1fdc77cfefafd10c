input { now : instant }
