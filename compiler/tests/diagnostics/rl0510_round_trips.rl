use std.http
input { user : key  org : key }
budget { round trips <= 2 per request }
rule api {
  limit rpm: 60 req/min per user
  limit all: 1k req/min per org
  limit from: 100 req/min per ip
  limit one: 10k req/min globally
}
