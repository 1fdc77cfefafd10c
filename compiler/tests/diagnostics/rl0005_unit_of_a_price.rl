use std.http
input { prompt : tokens }
rule api { limit $5/min per ip costing $2/Mtoks * prompt }
