# std.net: networks that mean the same everywhere.
#
# `use std.net (private)`, then `if ip in private then …`. Sets only: what an address is worth is for a policy to say.
# Source: IANA IPv4 and IPv6 Special-Purpose Address Registries, as of 2026-01, and the RFCs named below.
edition 2026

module std.net

## Addresses for use inside an organisation, IPv4 only: RFC 1918.
set rfc1918 = 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16

## Addresses for use inside an organisation: RFC 1918, and the unique local addresses of IPv6, RFC 4193.
set private = 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7

## The machine itself: RFC 1122 and RFC 4291.
set loopback = 127.0.0.0/8, ::1/128

## One link only, such as the address of a cloud's metadata service: RFC 3927 and RFC 4291.
set link_local = 169.254.0.0/16, fe80::/10

## Between a provider's customers and its address translation: RFC 6598. Many customers share each address behind it.
set cgnat = 100.64.0.0/10

## For examples in documents: RFC 5737, RFC 3849 and RFC 9637. No client has one.
set documentation = 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20

## For measuring network devices: RFC 2544 and RFC 5180.
set benchmarking = 198.18.0.0/15, 2001:2::/48

## Groups of receivers: RFC 5771 and RFC 4291. Never a sender's address.
set multicast = 224.0.0.0/4, ff00::/8

## Everything that no client on the public internet has: all of the above, this network, and what is reserved.
set not_public =
  0.0.0.0/8,
  10.0.0.0/8,
  100.64.0.0/10,
  127.0.0.0/8,
  169.254.0.0/16,
  172.16.0.0/12,
  192.0.2.0/24,
  192.168.0.0/16,
  198.18.0.0/15,
  198.51.100.0/24,
  203.0.113.0/24,
  224.0.0.0/4,
  240.0.0.0/4,
  ::/127,
  2001:2::/48,
  2001:db8::/32,
  3fff::/20,
  fc00::/7,
  fe80::/10,
  ff00::/8
