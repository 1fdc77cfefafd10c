input { region : string }
rule api { if region == “US” then deny }
