-- The newest layout of a store of this prefix, and the secret that all share who use this one.
--
-- KEYS: layout, secret. ARGV: this layout, a secret to keep if there is none.
local layout = redis.call('GET', KEYS[1])
if layout and tonumber(layout) ~= tonumber(ARGV[1]) then return {layout, ''} end
local secret = redis.call('GET', KEYS[2])
if not layout then redis.call('SET', KEYS[1], ARGV[1]) end
if not secret then
  secret = ARGV[2]
  redis.call('SET', KEYS[2], secret)
end
return {ARGV[1], secret}
