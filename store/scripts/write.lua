-- Blobs and deadlines of a commit, and with the last of them its meta; refused unless the shard is exactly as its owner
-- left it.
-- KEYS[1] meta
-- ARGV: prefix, epoch, claim, write, changelog offset ('' : the meta stays), shard record,
--       how many accounts have a deadline, then due tick and member of each,
--       how many have none, then the member of each,
--       how many of them wait for a stream, then member and waits of each (accounts of which deadline and waits are as
--       they were are in none of the three),
--       then groups: bucket, count, then id and value of each account; an account comes once
-- Members are BUCKET:ID. All lies as the commands take it, in runs of ARGV: what is done here for each account costs the
-- server more than the account in its command.
local found = redis.call('HMGET', KEYS[1], 'epoch', 'claim', 'write')
if found[1] ~= ARGV[2] or found[2] ~= ARGV[3] or found[3] ~= ARGV[4] then return found end
local prefix = ARGV[1]
local due, due_count = 8, tonumber(ARGV[7])
local gone, gone_count = due + 2 * due_count + 1, tonumber(ARGV[due + 2 * due_count])
local waits, waits_count = gone + gone_count + 1, tonumber(ARGV[gone + gone_count])
local at, last = waits + 2 * waits_count, #ARGV

-- A full server refuses a script's first write, if that takes memory, and no later one: these come first.
while at <= last do
    local count = tonumber(ARGV[at + 1])
    redis.call('HSET', prefix .. 'b:' .. ARGV[at], unpack(ARGV, at + 2, at + 1 + 2 * count))
    at = at + 2 + 2 * count
end
if due_count > 0 then redis.call('ZADD', prefix .. 'due', unpack(ARGV, due, due + 2 * due_count - 1)) end
if gone_count > 0 then redis.call('ZREM', prefix .. 'due', unpack(ARGV, gone, gone + gone_count - 1)) end

-- Whoever waited does not any more, but for those that are told to.
local streams, waiting = {}, {{}, {}, {}, {}, {}, {}}
for stream = 1, 6 do streams[stream] = prefix .. 'wait:' .. (stream - 1) end
if due_count + gone_count > 0 and redis.call('EXISTS', unpack(streams)) > 0 then
    local members = {unpack(ARGV, gone, gone + gone_count - 1)}
    for i = due + 1, due + 2 * due_count - 1, 2 do members[#members + 1] = ARGV[i] end
    for stream = 1, 6 do redis.call('SREM', streams[stream], unpack(members)) end
end
for i = waits, waits + 2 * waits_count - 1, 2 do
    for stream = 1, 6 do
        if bit.band(tonumber(ARGV[i + 1]), bit.lshift(1, stream - 1)) ~= 0 then
            waiting[stream][#waiting[stream] + 1] = ARGV[i]
        end
    end
end
for stream = 1, 6 do
    if #waiting[stream] > 0 then redis.call('SADD', streams[stream], unpack(waiting[stream])) end
end

local write = string.format('%.0f', tonumber(ARGV[4]) + 1)
if ARGV[5] ~= '' then
    redis.call('HSET', KEYS[1], 'write', write, 'offset', ARGV[5], 'record', ARGV[6])
else
    redis.call('HSET', KEYS[1], 'write', write)
end
return found
