input { org : key  team : key?  user : key }
hierarchy org > team > user
