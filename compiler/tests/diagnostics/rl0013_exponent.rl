use std.http
input { prompt : tokens }
rule api { limit $5/min per ip costing $1e-07/Mtok * prompt }
