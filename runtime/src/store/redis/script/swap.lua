-- Writes all of KEYS anew if each still holds what it was read to hold, else nothing; then it returns what `read` would.
--
-- Of n keys, ARGV has n values as they were read ('' where nothing stood), n that take their place ('' leaves it as it is, '-'
-- drops it), and n times to live in milliseconds.
local n = #KEYS
local found, differs = {'', ''}, false
for i = 1, n do
  local value = redis.call('GET', KEYS[i])
  found[i + 2] = value
  if (value or '') ~= ARGV[i] then differs = true end
end
if differs then
  local time = redis.call('TIME')
  found[1], found[2] = time[1], time[2]
  return found
end
for i = 1, n do
  local fresh = ARGV[n + i]
  if fresh == '-' then
    redis.call('DEL', KEYS[i])
  elseif fresh ~= '' then
    redis.call('SET', KEYS[i], fresh, 'PX', ARGV[2 * n + i])
  end
end
return 1
