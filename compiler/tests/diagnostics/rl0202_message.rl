rule api { deny "it is {now}" }
