-- The charges of a call that names itself, unless it was made before.
--
-- KEYS and ARGV are those of the charges, and one more each: the last key has the receipt of the call, ARGV[2] is how many
-- milliseconds a receipt is kept, and ARGV[3] how many nanoseconds it counts. If there is one, the answer is 3, the time and the receipt.
local known = redis.call('GET', KEYS[#KEYS])
if known then
  local time = redis.call('TIME')
  return {3, time[1], time[2], known}
end
local answer = (function()
