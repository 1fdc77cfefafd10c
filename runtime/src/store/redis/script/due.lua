-- The time in milliseconds and the notes of a journal that are due. Each is put off, so that others work on other ones meanwhile.
--
-- KEYS: the journal. ARGV: how many at most, and how many milliseconds they are put off.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for i = 1, #due do redis.call('ZADD', KEYS[1], now + ARGV[2], due[i]) end
table.insert(due, 1, now)
return due
