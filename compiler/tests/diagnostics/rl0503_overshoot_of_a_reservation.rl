input {
  user : key
  cost : tokens
  actual : tokens after response
}
rule api { limit 9k tokens/min per user reserve cost settle actual overshoot 5% }
