-- Judges charges that are nothing but enforced buckets and sliding windows, as nearly all are, and takes all or none: what
-- `charge.lua` does with them, in less time. Where all are taken, a charge may take more on top, if that fits, too; whether it
-- did is not told, and follows from the state before.
--
-- ARGV[1] has the charges as the caller packed them, ARGV[2], if there is one, the instant to go by, KEYS the counters. Amounts
-- and spans are at most 2^52, instants pairs of 32 bits. All is read before anything is written. The answer begins with 9 bytes:
-- the outcome, 1 if the charges were taken and 0 if not, and the instant. Of one charge, what stood under its key follows in the
-- same text; of several, in texts of their own. The outcome is 2, nothing follows and nothing was changed, where the other script
-- has to see: what stands there is of another kind, lingers, or is of a later window, or doubles do not tell whether it fits.
--
-- A key lives a second longer than it matters, for clocks that step back; by a clock of the caller's own, an hour at least.
local get, pack, call = struct.unpack, struct.pack, redis.call
local B32, WIDE = 4294967296, 4503599627370496
local plan, own, at, count = ARGV[1], ARGV[2], 1, #KEYS

local nl, nh
if own then
  nl, nh = get('<I4i4', own)
else
  local time = call('TIME')
  -- Seconds times 5^9; times 2^9 more they are nanoseconds.
  local part = time[1] * 1953125
  nl = part % 8388608
  nh = (part - nl) / 8388608
  nl = nl * 512 + time[2] * 1000
  if nl >= B32 then nh, nl = nh + 1, nl - B32 end
end

-- Leaves it to the other script.
local function left() return pack('<BI4i4', 2, nl, nh) end

-- Whether what was used in the window before, as far as it is still in sight, has room; nil if doubles do not tell.
local function has_room(room, previous, in_sight, span)
  if room < 0 then return false end
  if previous <= room then return true end
  local has, may = previous * in_sight, room * span
  if has >= WIDE or may >= WIDE then
    local apart = has - may
    if apart < 0 then apart = -apart end
    if apart <= (has + may) * 1e-12 then return nil end
  end
  return has <= may
end

-- Of several charges: what stood there, what is to stand there, and how long it matters.
local answer, writes, spans, taken
if count > 1 then answer, writes, spans, taken = {false}, {}, {}, 1 end

for i = 1, count do
  local v = call('GET', KEYS[i])
  local kind, x, y
  kind, x, y, at = get('<Bdd', plan, at)
  local value, lives

  if kind <= 2 then
    -- A bucket. x: Δ(cost), y: Δ(burst). Of kind 2, Δ of what is taken on top follows.
    local more = 0
    if kind == 2 then more, at = get('<d', plan, at) end
    lives = x
    if v then
      if #v ~= 25 then return left() end
      local tag, tl, th, ll, lh = get('<BI4i4I4I4', v, 9)
      if tag ~= 4 or ll ~= 0 or lh ~= 0 then return left() end
      local ahead = (th - nh) * B32 + (tl - nl)
      if ahead > 0 then lives = ahead + x end
    end
    if lives <= y then
      if lives + more <= y then lives = lives + more end
      local low = nl + lives
      local tl = low % B32
      local th = nh + (low - tl) / B32
      value = pack('<I4i4BI4i4I4I4', tl, th, 4, tl, th, 0, 0)
    end
  else
    -- A sliding window. x: cost, y: ceiling. The window of number r begins at s. Of kind 4, what is taken on top follows.
    local span, rl, rh, sl, sh
    span, rl, rh, sl, sh, at = get('<dI4i4I4i4', plan, at)
    local more = 0
    if kind == 4 then more, at = get('<d', plan, at) end
    local off = (nh - sh) * B32 + (nl - sl)
    if off >= WIDE or off <= -WIDE then return left() end
    local elapsed = off % span
    local number = (off - elapsed) / span
    local current, previous = 0, 0
    if v then
      if #v ~= 33 then return left() end
      local tag, xl, xh, cl, ch, pl, ph = get('<BI4i4I4i4I4i4', v, 9)
      if tag ~= 3 then return left() end
      local newer = (xh - rh) * B32 + (xl - rl) - number
      current, previous = ch * B32 + cl, ph * B32 + pl
      if current >= WIDE or previous >= WIDE or newer > 0 then return left() end
      if newer == -1 then
        current, previous = 0, current
      elseif newer < -1 then
        current, previous = 0, 0
      end
    end
    local in_sight = span - elapsed
    local fits = has_room(y - x - current, previous, in_sight, span)
    if fits == nil then return left() end
    if fits and more > 0 then
      local fits_too = has_room(y - x - more - current, previous, in_sight, span)
      if fits_too == nil then return left() end
      if fits_too then x = x + more end
    end
    if fits then
      local low = rl + number
      local xl = low % B32
      local xh = rh + (low - xl) / B32
      -- When its window begins, and two windows after that, which together are no exact double.
      low = sl + (off - elapsed)
      local el = low % B32
      local eh = sh + (low - el) / B32
      for _ = 1, 2 do
        low = el + span
        el = low % B32
        eh = eh + (low - el) / B32
      end
      current = current + x
      local cl, pl = current % B32, previous % B32
      value = pack('<I4i4BI4i4I4i4I4i4', el, eh, 3, xl, xh, cl, (current - cl) / B32, pl, (previous - pl) / B32)
      lives = (eh - nh) * B32 + (el - nl)
    end
  end

  if not answer then
    if not value then return pack('<BI4i4', 0, nl, nh) .. (v or '') end
    lives = (lives - lives % 1000000) / 1000000 + 1002
    if own and lives < 3600000 then lives = 3600000 end
    call('SET', KEYS[1], value, 'PX', lives)
    return pack('<BI4i4', 1, nl, nh) .. (v or '')
  end
  answer[i + 1], writes[i], spans[i] = v, value, lives
  if not value then taken = 0 end
end

if taken == 1 then
  for i = 1, count do
    local lives = spans[i]
    lives = (lives - lives % 1000000) / 1000000 + 1002
    if own and lives < 3600000 then lives = 3600000 end
    call('SET', KEYS[i], writes[i], 'PX', lives)
  end
end
answer[1] = pack('<BI4i4', taken, nl, nh)
return answer
