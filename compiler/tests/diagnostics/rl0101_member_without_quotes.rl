input { region : one of "us", "eu" }
rule api { if region == us then deny }
