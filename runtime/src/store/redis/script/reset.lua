-- Drops KEYS, whatever stands there; 1 if anything stood under the first, else 0.
local was_there = redis.call('EXISTS', KEYS[1])
for i = 1, #KEYS do redis.call('DEL', KEYS[i]) end
return was_there
