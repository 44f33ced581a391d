-- Accounts' blobs, with the three numbers that say whose they are, in one.
-- KEYS[1] meta
-- ARGV: prefix, then groups: bucket, count, account ids
local found = redis.call('HMGET', KEYS[1], 'epoch', 'claim', 'write')
local at, last = 2, #ARGV
while at <= last do
    local count = tonumber(ARGV[at + 1])
    local blobs = redis.call('HMGET', ARGV[1] .. 'b:' .. ARGV[at], unpack(ARGV, at + 2, at + 1 + count))
    for i = 1, count do found[#found + 1] = blobs[i] end
    at = at + 2 + count
end
return found
