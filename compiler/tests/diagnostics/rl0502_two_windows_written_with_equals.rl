input { user : key }
rule api per user {
  limit = 10 per second
  limit = 100 per minute
}
