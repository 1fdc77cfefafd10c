input { org : key  user : key }
hierarchy org > user > org
