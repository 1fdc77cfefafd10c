input {
  user : key
  size : bytes
}
fn half(size: bytes) -> bytes = size * 50%
rule api { limit 10 MiB/min per user costing size }
