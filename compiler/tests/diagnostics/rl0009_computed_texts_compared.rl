input { a : string? b : string }
rule api { if (a ?? b) == b then deny }
