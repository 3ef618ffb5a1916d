-- Mailjet said 429: nobody calls for a while, twice as long each time it says so again soon.
-- KEYS as in take.lua; ARGV: first pause in ms, longest pause in ms, asked pause in ms (0: none asked)
-- returns the pause in ms

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local first, longest, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local until_ = tonumber(redis.call('HGET', KEYS[2], 'pause_until') or 0)
local strikes = tonumber(redis.call('HGET', KEYS[2], 'strikes') or 0)

if until_ > now then return until_ - now end -- another worker heard the same 429
if now - until_ > 2 * longest then strikes = 0 end
local pause = math.max(asked, math.min(first * 2 ^ strikes, longest))
redis.call('HSET', KEYS[2], 'pause_until', now + pause, 'strikes', strikes + 1)
return pause
