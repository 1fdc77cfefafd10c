input { beta : bool? }
rule api { if not beta then deny }
