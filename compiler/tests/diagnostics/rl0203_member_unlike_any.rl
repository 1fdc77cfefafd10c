input { region : one of "us-east", "eu-west", "ap-south", "other" }
rule api { if region == "mars" then deny }
