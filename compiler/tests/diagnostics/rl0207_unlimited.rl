input { user : key }
rule api { limit unlimited per user }
