input { user : key }
rule api { deny "hello user}" }
