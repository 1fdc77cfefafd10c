rule api { if path == "/x" then deny }
