use shared.nets (warehouse)
# file: shared/nets.rl
module shared.nets
set office = 203.0.113.0/24
set partners = 198.51.100.0/24
