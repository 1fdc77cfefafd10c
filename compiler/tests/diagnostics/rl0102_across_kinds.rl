input { office : string }
set office = 10.0.0.0/8
