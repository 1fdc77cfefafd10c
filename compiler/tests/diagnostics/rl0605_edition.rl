edition 2031
input { user : key }
