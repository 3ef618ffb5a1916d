-- Take entries off their stream, and keep copies of them for a while: their content never leaves Redis.
-- KEYS: the stream, the stream of kept entries, its size in bytes. ARGV: group, ms to keep them, most bytes, ids.
local kept, bytes = 0, tonumber(redis.call('GET', KEYS[3]) or '0')
for place = 4, #ARGV do
  local found = redis.call('XRANGE', KEYS[1], ARGV[place], ARGV[place])[1]
  if found then
    local size = 0
    for _, text in ipairs(found[2]) do size = size + #text end
    if size <= tonumber(ARGV[3]) then
      redis.call('XADD', KEYS[2], '*', 'kept:entry', ARGV[place], 'kept:bytes', size, unpack(found[2]))
      bytes, kept = bytes + size, kept + 1
    end
  end
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[place])
  redis.call('XDEL', KEYS[1], ARGV[place])
end
-- What is too old, or too much. A few more than came now, so that the end is reached, and never all in one go.
local clock = redis.call('TIME')
local since = clock[1] * 1000 + math.floor(clock[2] / 1000) - tonumber(ARGV[2])
for _ = 1, 2 * (#ARGV - 3) + 200 do
  local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  if not oldest then
    bytes = 0
    break
  end
  if tonumber(string.match(oldest[1], '^%d+')) >= since and bytes <= tonumber(ARGV[3]) then break end
  redis.call('XDEL', KEYS[2], oldest[1])
  bytes = bytes - tonumber(oldest[2][4])
end
redis.call('SET', KEYS[3], bytes)
return kept
