input { user : key }
rule api { limit 10k req per user }
