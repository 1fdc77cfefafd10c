use std.http
input { prompt : tokens }
rule api { limit $5/min per ip costing $0.0000000000001/Mtok * prompt }
