input { region : string }
rule api { if regoin == "US" then deny }
