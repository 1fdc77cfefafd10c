input { region : one of "us-east", "eu-west" }
rule api { if region == "us-eats" then deny }
