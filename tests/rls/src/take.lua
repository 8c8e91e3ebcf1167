-- Adds to all counters, or to none if that would bring one of them over its maximum.
-- KEYS: the counters. ARGV: for each its maximum, its window in milliseconds, and what to add.
-- Returns for each its value, the milliseconds until its window ends (negative: it has none), and whether it is over.

local over, denied, seen = {}, false, {}
for i, key in ipairs(KEYS) do
  local before = seen[key] or tonumber(redis.call('GET', key) or '0')
  local hits = tonumber(ARGV[3 * i])
  over[i] = hits >= 0 and before + hits > tonumber(ARGV[3 * i - 2])
  denied = denied or over[i]
  seen[key] = over[i] and before or math.max(0, before + hits)
end

local answer = {}
for i, key in ipairs(KEYS) do
  local value
  if denied then
    value = tonumber(redis.call('GET', key) or '0')
  else
    value = redis.call('INCRBY', key, ARGV[3 * i])
    if value <= 0 then
      redis.call('DEL', key)
      value = 0
    elseif redis.call('PTTL', key) < 0 then
      redis.call('PEXPIRE', key, ARGV[3 * i - 1])
    end
  end
  table.insert(answer, value)
  table.insert(answer, redis.call('PTTL', key))
  table.insert(answer, over[i] and 1 or 0)
end
return answer
