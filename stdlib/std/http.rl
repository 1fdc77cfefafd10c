# std.http: the facts of an HTTP request.
#
# `use std.http` brings these names into scope. A request must carry the ones its policy uses, except those marked `?`.
edition 2026

module std.http

input {
  ## The request's method, in capitals. `on GET` covers HEAD.
  method: string

  ## The path as sent. It is compared without query, decoded once, with dot segments resolved and doubled or trailing slashes dropped.
  path: string

  ## The host the request was sent to.
  host: string untrusted

  ## The client's address. As a key it stands for the client's network: /32, or /64 in IPv6.
  ip: ip

  ## The length of the request's body.
  body_size: bytes

  ## The `user-agent` header.
  user_agent: string? untrusted

  ## The country of the address, in two letters.
  country: string?

  ## The status of the response.
  response.status: int after response

  ## The length of the response's body.
  response.size: bytes after response
}
