input { agent : string }
rule api { if agent matches "(bot" then deny }
