-- The server's time and what stands under KEYS, as one picture.
local time = redis.call('TIME')
local found = {time[1], time[2]}
for i = 1, #KEYS do found[i + 2] = redis.call('GET', KEYS[i]) end
return found
