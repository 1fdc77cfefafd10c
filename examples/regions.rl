# How do limits per region add up to one for the world? Adding a region to the list makes this file fail to compile
# until it is given a limit.
edition 2026
use std.http

input {
  user: key
  region: one of "us-east", "eu-west", "ap-south", "other"
}

set office = 203.0.113.0/24, 2001:db8:42::/48

rule geography {
  if ip in office then exempt "our own staff"

  limit regional: match region {
    "us-east" => 100 req/min
    "eu-west" => 150 req/min
    "ap-south" => 80 req/min
    "other" => 40 req/min
  } per user, region

  limit worldwide: 250 req/min per user

  if region == "other" then {
    limit unknown_origin: 5000 req/min globally
  }
}

test "regions add up to the worldwide ceiling" {
  given user = "ada", ip = 198.51.100.7
  at 2026-06-01T12:00:00Z
  send 100 GET "/v1/x" with region = "us-east" expect allow
  send GET "/v1/x" with region = "us-east" expect reject by regional
  send 150 GET "/v1/x" with region = "eu-west" expect allow
  send GET "/v1/x" with region = "ap-south" expect reject by worldwide
}

test "staff are never limited" {
  given user = "bob", region = "other", ip = 203.0.113.9
  send 1000 GET "/v1/x" expect exempt
}
