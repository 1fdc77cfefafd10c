module my.policy
input { user : key }
