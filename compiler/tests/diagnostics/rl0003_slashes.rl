// a comment
input { user : key }
