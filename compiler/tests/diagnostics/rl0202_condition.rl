input { region : string }
rule api { if region then deny }
