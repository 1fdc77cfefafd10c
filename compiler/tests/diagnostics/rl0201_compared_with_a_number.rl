input { size : bytes }
rule api { if size > 500 then deny }
