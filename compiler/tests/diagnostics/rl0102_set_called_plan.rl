set plan = "free", "pro"
