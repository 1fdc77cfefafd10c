rule api { deny 200 }
