-- One step of a decision over several groups: the charges of one of them, unless the decision was given up.
--
-- KEYS and ARGV are those of the charges, and one more each. The last key has what became of the decision here, if that is certain:
-- that it was given up, at any group, or, at the last group, that it was taken. Then the answer is 3, and nothing was changed.
-- ARGV[2] is how many milliseconds to remember that the last group took its charges, which makes the decision one that is taken;
-- '0' at all others.
if redis.call('EXISTS', KEYS[#KEYS]) == 1 then return {3, 0, 0} end
local answer = (function()
