# Our networks: the one place that knows them.
edition 2026
module shared.nets

## The offices, behind their own addresses.
set office = 198.51.100.0/24, 2001:db8:42::/48
