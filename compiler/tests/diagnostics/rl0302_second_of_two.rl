input { region : string?  size : bytes? }
rule api { if region is present and not (region == "US" and size == 5 MiB) then deny }
