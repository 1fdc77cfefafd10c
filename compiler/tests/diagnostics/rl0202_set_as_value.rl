input { region : string }
rule api { if region == {"us", "eu"} then deny }
