input {
  user : key
  max_tokens : tokens
  usage.output : tokens after response
}
rule api { if usage.output > 2k tokens then limit heavy: 5 req/min per user }
