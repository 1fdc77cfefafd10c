input {
  user : key
  size : bytes
}
rule api {
  limit if size > 5 MiB and size < 1 MiB then 10 req/min else 100 req/min per user
}
