end)()
if answer[1] == 1 and ARGV[2] ~= '0' then
  local wide, span = 4294967296, ARGV[2] * 1000000
  local high, low = answer[2] + math.floor(span / wide), answer[3] + span % wide
  if low >= wide then high, low = high + 1, low - wide end
  -- A receipt: taken, at this instant, and no verdicts.
  local taken = struct.pack('<I4i4BI4i4I4i4', low, high, 0x22, 1, 0, answer[3], answer[2])
  redis.call('SET', KEYS[#KEYS], taken, 'PX', ARGV[2])
end
return answer
