# How is a stricter limit brought in without surprises? First it is measured in shadow, then enforced for a few users,
# always the same ones, then for more.
edition 2026
use std.http

input {
  user: key
}

# Measured, reported, never enforced.
shadow rule tighter_search {
  on GET "/v1/search"
  limit search: 30 req/min per user using sliding_window
}

# Enforced for one user in ten, shadowed for the rest.
rule new_ceiling rollout 10% by user {
  limit ceiling: 300 req/min per user
}

test "a shadow tells what it would refuse, and refuses nothing" {
  given user = "ada"
  send 30 GET "/v1/search" expect allow, no shadow search
  send 70 GET "/v1/search" expect allow, shadow search
}

test "the new ceiling holds for one user in ten, and is measured for the others" {
  send 300 GET "/v1/items" with user = "dan" expect allow
  send GET "/v1/items" with user = "dan" expect reject by ceiling
  send 300 GET "/v1/items" with user = "ada" expect allow, no shadow ceiling
  send GET "/v1/items" with user = "ada" expect allow, shadow ceiling
}
