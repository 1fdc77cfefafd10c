input { region : string? }
rule api { if not (region == "US") then deny }
