input { region : string }
rule api { if region in "us" then deny }
