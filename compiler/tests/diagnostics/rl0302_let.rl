input { region : string? }
rule api { let american = region == "US"  if not american then deny }
