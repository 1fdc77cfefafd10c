use std.http
unit images
input { pictures : images }
rule api { limit 5 images/min per ip }
