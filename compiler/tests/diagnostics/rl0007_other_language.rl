input { flag : bool other : bool }
rule api { if flag && other then deny }
