input { user-id : key }
