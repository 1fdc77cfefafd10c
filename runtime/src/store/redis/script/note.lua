-- Writes a note into a journal, and takes out those that are done with. When it is due, in milliseconds; -1 if there is no room.
--
-- KEYS: the journal. ARGV: the note, in how many milliseconds it is due, for how many more it is kept, how many a journal has room
-- for, and notes that are done with. What stands in a journal begins with when it is due.
for i = 5, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i]) end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return -1 end
local time = redis.call('TIME')
local due = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
redis.call('ZADD', KEYS[1], due, struct.pack('<I4I4', due % 4294967296, math.floor(due / 4294967296)) .. ARGV[1])
local kept = ARGV[2] + ARGV[3]
if redis.call('PTTL', KEYS[1]) < kept then redis.call('PEXPIRE', KEYS[1], kept) end
return due
