input { home : ip? }
rule api { if home != 10.0.0.1 then deny }
