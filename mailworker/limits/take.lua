-- Take one token, or say how long to wait. One script, so that no two workers see the same free place;
-- the server's clock, so that no worker's clock matters.
--
-- KEYS[1]  sorted set: every call of the last window, scored by its time
-- KEYS[2]  hash: tat (when the pace next allows a call), pause_until, and who is waiting
-- ARGV     limit, window in ms, burst, lane, how long a waiter counts as present in ms, patience in ms, call id
-- returns  {1, 0} when granted, {0, ms to wait} when not

local limit, window, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local lane, presence, patience = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local pace = window / limit

local function field(name)
  local value = redis.call('HGET', KEYS[2], name)
  return value and tonumber(value)
end

-- Seniority is for who keeps asking: a lane that went away long ago begins to wait anew.
local last = field('until:' .. lane)
if not last or now - last > patience then redis.call('HDEL', KEYS[2], 'since:' .. lane) end

local function refuse(wait)
  redis.call('HSETNX', KEYS[2], 'since:' .. lane, now)
  redis.call('HSET', KEYS[2], 'until:' .. lane, now + wait + presence)
  return {0, math.ceil(wait)}
end

-- A lane that has waited past its patience goes before all others, so that none starves.
local function rank(of)
  local since = field('since:' .. of)
  if since and now - since > patience then return of - 10 end
  return of
end

-- No marker: Redis lost its memory, or is new. Nobody knows what was called in the last minute, so start
-- with all credit spent; at this pace even the calls before the loss stay under the limit.
local tat = field('tat')
if not tat then
  tat = now + burst * pace
  redis.call('HSET', KEYS[2], 'tat', tat)
end

-- The server's clock stepped back: what lies further ahead than it can is of another time. The pace goes on
-- from here with all credit spent, and nobody counts as waiting who does not ask again.
if tat > now + (burst + 1) * pace then
  tat = now + burst * pace
  redis.call('HSET', KEYS[2], 'tat', tat)
  redis.call('HDEL', KEYS[2], 'pause_until')
  for other = 0, 3 do redis.call('HDEL', KEYS[2], 'since:' .. other, 'until:' .. other) end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
end

local pause = field('pause_until')
if pause and pause > now then return refuse(pause - now) end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return refuse(oldest[2] + window - now + 1)
end

local earliest = tat - (burst - 1) * pace
if now < earliest then return refuse(earliest - now) end

local mine = rank(lane)
for other = 0, 3 do
  local present = other ~= lane and field('until:' .. other)
  if present and present > now and rank(other) < mine then return refuse(5) end
end

redis.call('HDEL', KEYS[2], 'since:' .. lane, 'until:' .. lane)
redis.call('HSET', KEYS[2], 'tat', math.max(now, tat) + pace)
redis.call('ZADD', KEYS[1], now, ARGV[7])
redis.call('PEXPIRE', KEYS[1], window)
return {1, 0}
