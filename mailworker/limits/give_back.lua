-- Return a token whose call never left.
-- KEYS as in take.lua; ARGV: call id, pace in ms

if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 then
  redis.call('HINCRBYFLOAT', KEYS[2], 'tat', -ARGV[2])
end
return 1
