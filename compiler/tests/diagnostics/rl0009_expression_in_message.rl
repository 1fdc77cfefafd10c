input { n : int }
rule api { deny "{n + 1} times" }
