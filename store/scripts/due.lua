-- A page of the accounts that are due at a tick, or of those that wait for a stream; and what comes after them.
-- Members of these sets are BUCKET:ID, so that the blobs can be found.
-- KEYS[1] meta
-- ARGV: prefix, tick, where the page begins, how many at the most, stream ('' : those that are due)
-- Returns the three numbers, where the next page begins, the first deadline after the tick ('' : none), the streams that
-- are waited for (bits), then id and blob of each account.
local found = redis.call('HMGET', KEYS[1], 'epoch', 'claim', 'write')
local due_key, members = ARGV[1] .. 'due', nil
if ARGV[5] == '' then
    members = redis.call('ZRANGEBYSCORE', due_key, '-inf', ARGV[2], 'LIMIT', ARGV[3], ARGV[4])
    found[4] = tostring(#members)
else
    local page = redis.call('SSCAN', ARGV[1] .. 'wait:' .. ARGV[5], ARGV[3], 'COUNT', ARGV[4])
    found[4], members = page[1], page[2]
end
local following = redis.call('ZRANGEBYSCORE', due_key, '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
found[5] = following[2] or ''
local waits = 0
for stream = 0, 5 do
    waits = waits + redis.call('EXISTS', ARGV[1] .. 'wait:' .. stream) * 2 ^ stream
end
found[6] = string.format('%.0f', waits)
for i = 1, #members do
    local bucket, id = string.match(members[i], '^(%d+):(.*)$')
    found[#found + 1] = id
    found[#found + 1] = redis.call('HGET', ARGV[1] .. 'b:' .. bucket, id)
end
return found
