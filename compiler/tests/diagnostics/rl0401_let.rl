input { usage.output : tokens after response  user : key }
rule api {
  let heavy = usage.output > 2k tokens
  if heavy then deny
}
