input { agent : string }
rule api { if agent matches "(a{1000}){1000}" then deny }
