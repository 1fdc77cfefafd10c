input { a : string }
rule api { if at_least(a, "b") == "c" then deny }
