input { region : string }
rule api { if region in {1, 2, 3} then deny }
