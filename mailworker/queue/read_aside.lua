-- Entries that were set aside, for the one reader that works on them, until their number or bytes are enough.
-- KEYS: the stream, the set of whose entries were set aside.
-- ARGV: group, the consumer that has them, the reader's, most entries, most bytes, after how many ms a reader
-- is dead. Their delivery still counts as the first. A large one comes by its id only, as in read_new.lua.
local function pending(consumer, count)
  return redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', count, consumer)
end
local busy = pending(ARGV[3], 1)[1]
if busy and busy[3] < tonumber(ARGV[6]) then return {} end
local waiting = pending(ARGV[2], ARGV[4])
if #waiting == 0 then redis.call('DEL', KEYS[2]) end
local entries, bytes = {}, 0
for _, one in ipairs(waiting) do
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, one[1], 'RETRYCOUNT', 1)[1]
  if entry then
    local size = 0
    for _, text in ipairs(entry[2]) do size = size + #text end
    bytes = bytes + size
    entries[#entries + 1] = {entry[1], size > tonumber(ARGV[5]) and {} or entry[2]}
    if bytes >= tonumber(ARGV[5]) then break end
  end
end
return entries
