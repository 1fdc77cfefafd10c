input { region : string? }
rule api { if region not in {"US", "CA"} then deny }
