input { user key }
