input { user : key  user : string }
