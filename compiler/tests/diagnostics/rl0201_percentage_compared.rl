input { load : percent }
rule api { if load > 80 then deny }
