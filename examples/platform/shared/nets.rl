# The addresses that every policy of the platform knows by name.
edition 2026

module shared.nets

## The offices.
set office = 203.0.113.0/24, 2001:db8:42::/48

## Partners who crawl by agreement.
set partners = 198.51.100.0/28
