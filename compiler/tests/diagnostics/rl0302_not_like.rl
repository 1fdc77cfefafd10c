input { agent : string? }
rule api { if not agent like "bot*" then deny }
