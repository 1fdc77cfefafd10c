use std.http
unit images
rule api { limit 5 imagse/min per ip costing 1 images }
