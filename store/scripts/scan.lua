-- A page of the accounts: ids and blobs from a place in a bucket on, through as many buckets as it takes.
-- KEYS[1] meta
-- ARGV: prefix, bucket, cursor within it, about how many, how many buckets there are
-- Returns the three numbers, bucket and cursor where the next page begins, then id and blob of each account.
local found = redis.call('HMGET', KEYS[1], 'epoch', 'claim', 'write')
found[4], found[5] = '', ''
local bucket, cursor, count = tonumber(ARGV[2]), ARGV[3], 5
repeat
    local page = redis.call('HSCAN', ARGV[1] .. 'b:' .. bucket, cursor, 'COUNT', ARGV[4])
    cursor = page[1]
    for i = 1, #page[2] do found[count + i] = page[2][i] end
    count = count + #page[2]
    if cursor == '0' then bucket = bucket + 1 end
until bucket == tonumber(ARGV[5]) or count >= 5 + 2 * tonumber(ARGV[4])
found[4], found[5] = tostring(bucket), cursor
return found
