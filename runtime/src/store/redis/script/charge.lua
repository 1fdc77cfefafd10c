-- Judges the charges of a decision and takes all or none, in one step.
--
-- ARGV[1] has the charges as the caller packed them. KEYS has, for each of them: its counter, then, if it has one, its block, its
-- warning and its reservation. All is read before anything is written, so that an error leaves nothing half done.
--
-- A script has only doubles. Instants are pairs of 32 bits, high and low, and exact; spans and amounts are below 2^52, and what
-- would come out above is left to the caller, who has wider numbers: the answer is 2 then, and nothing was changed. So is every
-- state that is unusual. Otherwise it is 1 if the charges were taken and 0 if not, followed by the instant, and by what stood under
-- the keys that were read. The caller works out the rest of the answer from those.
local unpack, pack, floor, call = struct.unpack, struct.pack, math.floor, redis.call
local B32, WIDE = 4294967296, 4503599627370496
local plan = ARGV[1]
local own, nl, nh, lease, count, at = unpack('<BI4i4c8B', plan)
if own == 0 then
  local time = call('TIME')
  -- Seconds times 5^9; times 2^9 more they are nanoseconds.
  local part = time[1] * 1953125
  nh = floor(part / 8388608)
  nl = part % 8388608 * 512 + time[2] * 1000
  if nl >= B32 then nh, nl = nh + 1, nl - B32 end
end

local answer = {1, nh, nl}
local read, key = 3, 0
-- What is to be written if the charges are taken, and what in any case: name, value, how long it matters, again and again.
local w, writes, b, blocks = 0, nil, 0, nil
local taken = 1

for _ = 1, count do
  local kind, mode, extra, form, cost, x, y, z, span, rl, rh, sl, sh
  kind, mode, extra, form, cost, x, y, z, span, rl, rh, sl, sh, at = unpack('<BBBBdddddI4i4I4i4', plan, at)
  key = key + 1
  local name = KEYS[key]
  local v = call('GET', name)
  read = read + 1
  answer[read] = v
  local fits, fresh, ttl, place = true, nil, 0, nil

  if kind == 1 then
    -- A bucket. x: Δ(cost), y: Δ(burst), z: Δ(burst) less Δ of what a key never seen begins with, if form is 1; r: ceiling.
    local ahead, lingers = z, form == 1
    if v then
      if #v ~= 25 then return {2, nh, nl} end
      local il, ih, tag, tl, th, ll, lh = unpack('<I4i4BI4i4I4i4', v)
      if tag ~= 4 then return {2, nh, nl} end
      if nh < ih or (nh == ih and nl < il) then
        ahead = (th - nh) * B32 + (tl - nl)
        if ahead < 0 then ahead = 0 end
        if ll > 0 or lh > 0 then lingers = true end
      end
    end
    local e = ahead + x
    fits = e <= y
    if fits or mode == 1 then
      if e >= WIDE then return {2, nh, nl} end
      local tl, th = nl + e % B32, nh + floor(e / B32)
      if tl >= B32 then th, tl = th + 1, tl - B32 end
      if lingers then
        local il, ih = tl + span % B32, th + floor(span / B32)
        if il >= B32 then ih, il = ih + 1, il - B32 end
        fresh = pack('<I4i4BI4i4I4i4', il, ih, 4, tl, th, span % B32, floor(span / B32))
        ttl = e + span
      else
        fresh = pack('<I4i4BI4i4I4i4', tl, th, 4, tl, th, 0, 0)
        ttl = e
      end
      if extra >= 4 then
        place = pack('<BI4i4I4i4I4i4I4i4', 0x14, cost % B32, floor(cost / B32), tl, th, rl, rh, lingers and 1 or 0, 0)
      end
    end

  elseif kind == 2 then
    -- A fixed window. x: ceiling. form 0: rolling; 1: aligned, one begins at r; 2: of a calendar, from r to s.
    local fl, fh, el, eh, used
    if v then
      if #v ~= 33 then return {2, nh, nl} end
      local il, ih, tag, ul, uh
      il, ih, tag, fl, fh, el, eh, ul, uh = unpack('<I4i4BI4i4I4i4I4i4', v)
      if tag ~= 1 then return {2, nh, nl} end
      if nh < eh or (nh == eh and nl < el) then
        used = uh * B32 + ul
        if used >= WIDE then return {2, nh, nl} end
      end
    end
    if not used then
      used = 0
      if form == 2 then
        if nh < rh or (nh == rh and nl < rl) or nh > sh or (nh == sh and nl >= sl) then return {2, nh, nl} end
        fl, fh, el, eh = rl, rh, sl, sh
      else
        local back = 0
        if form == 1 then
          local off = (nh - rh) * B32 + (nl - rl)
          if off >= WIDE or off <= -WIDE then return {2, nh, nl} end
          back = off - floor(off / span) * span
          if back < 0 then back = back + span elseif back >= span then back = back - span end
        end
        fl, fh = nl - back % B32, nh - floor(back / B32)
        if fl < 0 then fh, fl = fh - 1, fl + B32 end
        el, eh = fl + span % B32, fh + floor(span / B32)
        if el >= B32 then eh, el = eh + 1, el - B32 end
      end
    end
    fits = used + cost <= x
    if fits or mode == 1 then
      used = used + cost
      if used >= WIDE then return {2, nh, nl} end
      fresh = pack('<I4i4BI4i4I4i4I4i4', el, eh, 1, fl, fh, el, eh, used % B32, floor(used / B32))
      ttl = (eh - nh) * B32 + (el - nl)
      if extra >= 4 then place = pack('<BI4i4I4i4I4i4', 0x11, cost % B32, floor(cost / B32), fl, fh, el, eh) end
    end

  elseif kind == 3 then
    -- A sliding window. x: ceiling. The window of number r begins at s.
    local off = (nh - sh) * B32 + (nl - sl)
    if off >= WIDE or off <= -WIDE then return {2, nh, nl} end
    local number = floor(off / span)
    local elapsed = off - number * span
    if elapsed < 0 then
      number, elapsed = number - 1, elapsed + span
    elseif elapsed >= span then
      number, elapsed = number + 1, elapsed - span
    end
    local current, previous = 0, 0
    if v then
      if #v ~= 33 then return {2, nh, nl} end
      local il, ih, tag, xl, xh, cl, ch, pl, ph = unpack('<I4i4BI4i4I4i4I4i4', v)
      if tag ~= 3 then return {2, nh, nl} end
      local newer = (xh - rh) * B32 + (xl - rl) - number
      current, previous = ch * B32 + cl, ph * B32 + pl
      if current >= WIDE or previous >= WIDE then return {2, nh, nl} end
      if newer > 0 then
        -- The clock stepped back: it is taken to stand at the beginning of the state's window.
        if newer > 1024 then return {2, nh, nl} end
        number, elapsed = number + newer, 0
      elseif newer == -1 then
        current, previous = 0, current
      elseif newer < -1 then
        current, previous = 0, 0
      end
    end
    local room = x - cost - current
    fits = room >= 0
    if fits and previous > room then
      local has, may = previous * (span - elapsed), room * span
      if has >= WIDE or may >= WIDE then
        local apart = has - may
        if apart < 0 then apart = -apart end
        if apart <= (has + may) * 1e-12 then return {2, nh, nl} end
      end
      fits = has <= may
    end
    if fits or mode == 1 then
      current = current + cost
      local begun = number * span
      if current >= WIDE or number >= WIDE or begun >= WIDE or begun <= -WIDE then return {2, nh, nl} end
      local xl, xh = rl + number % B32, rh + floor(number / B32)
      if xl >= B32 then xh, xl = xh + 1, xl - B32 end
      local el, eh = sl + begun % B32, sh + floor(begun / B32)
      if el >= B32 then eh, el = eh + 1, el - B32 end
      -- Two windows after it begins, which together are no exact double.
      for _ = 1, 2 do
        el, eh = el + span % B32, eh + floor(span / B32)
        if el >= B32 then eh, el = eh + 1, el - B32 end
      end
      fresh = pack('<I4i4BI4i4I4i4I4i4', el, eh, 3, xl, xh, current % B32, floor(current / B32), previous % B32,
        floor(previous / B32))
      ttl = (eh - nh) * B32 + (el - nl)
      if extra >= 4 then place = pack('<BI4i4I4i4', 0x13, cost % B32, floor(cost / B32), xl, xh) end
    end

  elseif kind == 4 then
    -- In flight. x: ceiling, span: how long a lease lasts.
    local ch, cl, from, weight, body = nh, nl, 18, 0, ''
    local uh, ul
    if v then
      local size = #v
      if size < 17 or size > 24593 or (size - 17) % 24 ~= 0 then return {2, nh, nl} end
      local _, _, tag, ll, lh = unpack('<I4i4BI4i4', v)
      if tag ~= 5 then return {2, nh, nl} end
      if lh > ch or (lh == ch and ll > cl) then ch, cl = lh, ll end
      while from < size do
        local el, eh = unpack('<I4i4', v, from + 8)
        if eh > ch or (eh == ch and el > cl) then break end
        from = from + 24
      end
      for one = from, size - 23, 24 do
        local wl, wh
        ul, uh, wl, wh = unpack('<I4i4I4i4', v, one + 8)
        weight = weight + wh * B32 + wl
      end
      if weight >= WIDE then return {2, nh, nl} end
      body = v:sub(from)
    end
    fits = weight + cost <= x
    if fits or mode == 1 then
      local el, eh = cl + span % B32, ch + floor(span / B32)
      if el >= B32 then eh, el = eh + 1, el - B32 end
      if uh and (uh > eh or (uh == eh and ul > el)) then return {2, nh, nl} end
      fresh = pack('<I4i4BI4i4', el, eh, 5, cl, ch) .. body .. lease ..
        pack('<I4i4I4i4', el, eh, cost % B32, floor(cost / B32))
      ttl = (eh - nh) * B32 + (el - nl)
    end

  elseif kind == 5 then
    -- A log. x: ceiling, span: how long a charge counts.
    local ch, cl, from, sum, size = nh, nl, 10, 0, 0
    if v then
      size = #v
      if size < 25 or size > 16393 or (size - 9) % 16 ~= 0 then return {2, nh, nl} end
      local _, _, tag = unpack('<I4i4B', v)
      if tag ~= 2 then return {2, nh, nl} end
      local al, ah = unpack('<I4i4', v, size - 15)
      if ah > ch or (ah == ch and al > cl) then ch, cl = ah, al end
      while from < size do
        al, ah = unpack('<I4i4', v, from)
        if (ch - ah) * B32 + (cl - al) < span then break end
        from = from + 16
      end
      for one = from, size - 15, 16 do
        local ol, oh = unpack('<I4i4', v, one + 8)
        sum = sum + oh * B32 + ol
      end
      if sum >= WIDE then return {2, nh, nl} end
    end
    fits = sum + cost <= x
    if fits or mode == 1 then
      if sum + cost >= WIDE then return {2, nh, nl} end
      local body, amount = '', cost
      if from < size then
        local al, ah, ol, oh = unpack('<I4i4I4i4', v, size - 15)
        if al == cl and ah == ch then
          amount = cost + oh * B32 + ol
          body = v:sub(from, size - 16)
        else
          body = v:sub(from)
        end
      end
      local el, eh = cl + span % B32, ch + floor(span / B32)
      if el >= B32 then eh, el = eh + 1, el - B32 end
      fresh = pack('<I4i4B', el, eh, 2) .. body .. pack('<I4i4I4i4', cl, ch, amount % B32, floor(amount / B32))
      ttl = (eh - nh) * B32 + (el - nl)
      if extra >= 4 then place = pack('<BI4i4I4i4', 0x12, cost % B32, floor(cost / B32), cl, ch) end
    end

  else
    -- Only a look, or what never fits.
    fits = kind == 0
  end

  if extra > 0 then
    if extra % 2 == 1 then
      -- A block.
      local first, longest, forget, level, blocked = 0, 0, 0, 1, false
      first, longest, forget, at = unpack('<ddd', plan, at)
      key = key + 1
      v = call('GET', KEYS[key])
      read = read + 1
      answer[read] = v
      if v then
        if #v ~= 25 then return {2, nh, nl} end
        local _, _, tag, ol, _, ul, uh = unpack('<I4i4BI4i4I4i4', v)
        if tag ~= 0x20 then return {2, nh, nl} end
        local left = (uh - nh) * B32 + (ul - nl)
        blocked = left > 0
        if left + forget > 0 then level = ol + 1 end
      end
      if blocked then
        fits = false
      elseif not fits then
        local long = first * 2 ^ (level - 1)
        if long > longest then long = longest end
        if long < first then long = first end
        local ul, uh = nl + long % B32, nh + floor(long / B32)
        if ul >= B32 then uh, ul = uh + 1, ul - B32 end
        local il, ih = ul + forget % B32, uh + floor(forget / B32)
        if il >= B32 then ih, il = ih + 1, il - B32 end
        blocks = blocks or {}
        blocks[b + 1], blocks[b + 2] = KEYS[key], pack('<I4i4BI4i4I4i4', il, ih, 0x20, level, 0, ul, uh)
        blocks[b + 3], blocks[b + 4] = long + forget, mode
        b = b + 4
      end
    end
    if extra % 4 >= 2 then
      -- The last warning: whether there is a further one is for the caller to see.
      key = key + 1
      read = read + 1
      answer[read] = call('GET', KEYS[key])
    end
    if extra >= 4 then
      -- A reservation.
      local lasts
      lasts, at = unpack('<d', plan, at)
      key = key + 1
      if fresh and (fits or mode == 1) then
        writes = writes or {}
        local ul, uh = nl + lasts % B32, nh + floor(lasts / B32)
        if ul >= B32 then uh, ul = uh + 1, ul - B32 end
        writes[w + 1], writes[w + 2], writes[w + 3] = KEYS[key], pack('<I4i4', ul, uh) .. place, lasts
        w = w + 3
      end
    end
  end

  if fresh and (fits or mode == 1) then
    if count == 1 then
      -- There is nothing else that could still not fit.
      ttl = floor(ttl / 1000000) + 1002
      if own ~= 0 and ttl < 3600000 then ttl = 3600000 end
      call('SET', name, fresh, 'PX', ttl)
    else
      writes = writes or {}
      writes[w + 1], writes[w + 2], writes[w + 3] = name, fresh, ttl
      w = w + 3
    end
  end
  if not fits and mode == 0 then taken = 0 end
end

-- A second more than anything matters, for clocks that step back; by a clock of the caller's own, an hour at least.
local least = own == 0 and 0 or 3600000
if taken == 1 then
  for i = 1, w, 3 do
    local ttl = floor(writes[i + 2] / 1000000) + 1002
    if ttl < least then ttl = least end
    call('SET', writes[i], writes[i + 1], 'PX', ttl)
  end
end
for i = 1, b, 4 do
  if taken == 1 or blocks[i + 3] ~= 2 then
    local ttl = floor(blocks[i + 2] / 1000000) + 1002
    if ttl < least then ttl = least end
    call('SET', blocks[i], blocks[i + 1], 'PX', ttl)
  end
end
answer[1] = taken
return answer
