end)()
if answer[1] < 2 then
  local wide = 4294967296
  local high, low = answer[2] + math.floor(ARGV[3] / wide), answer[3] + ARGV[3] % wide
  if low >= wide then high, low = high + 1, low - wide end
  -- What the call was judged by: whether it was taken, when, and what stood under its keys.
  local receipt = {struct.pack('<I4i4BI4i4I4i4', low, high, 0x23, answer[1], 0, answer[3], answer[2])}
  for i = 4, #answer do
    local value = answer[i]
    receipt[i - 2] = value and struct.pack('<I4i4', #value, 0) .. value or struct.pack('<i4i4', -1, -1)
  end
  redis.call('SET', KEYS[#KEYS], table.concat(receipt), 'PX', ARGV[2])
end
return answer
