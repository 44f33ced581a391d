-- A page of one bucket: ids and blobs.
-- KEYS[1] meta
-- ARGV: prefix, bucket, cursor, about how many
local found = redis.call('HMGET', KEYS[1], 'epoch', 'connection', 'write')
local page = redis.call('HSCAN', ARGV[1] .. 'b:' .. ARGV[2], ARGV[3], 'COUNT', ARGV[4])
found[4] = page[1]
for i = 1, #page[2] do found[4 + i] = page[2][i] end
return found
