-- New entries for a reader, one after the other until their number or their bytes are enough.
-- KEYS: the stream. ARGV: group, consumer, most entries, most bytes. The entry that crosses the bytes still comes;
-- one that alone has more than them comes by its id only, without its fields.
local entries, bytes = {}, 0
for _ = 1, tonumber(ARGV[3]) do
  local answer = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  if not answer or #answer == 0 then break end
  local found = type(answer[1]) == 'table' and answer[1][2] or answer[2]
  local entry = found[1]
  local size = 0
  for _, text in ipairs(entry[2]) do size = size + #text end
  bytes = bytes + size
  entries[#entries + 1] = {entry[1], size > tonumber(ARGV[4]) and {} or entry[2]}
  if bytes >= tonumber(ARGV[4]) then break end
end
return entries
