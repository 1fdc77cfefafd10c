input { region : string }
rule api { if region in 10.0.0.0/8 then deny }
