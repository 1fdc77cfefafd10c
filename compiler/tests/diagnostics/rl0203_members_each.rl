input { region : one of "us", "eu" }
rule api { if region in {"us", "mars", "venus"} then deny }
