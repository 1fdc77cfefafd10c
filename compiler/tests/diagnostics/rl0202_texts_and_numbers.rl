input { region : string }
rule api { if region == 5 then deny }
