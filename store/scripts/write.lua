-- Blobs and deadlines of a commit, and with the last of them its meta; refused unless the shard is exactly as its owner
-- left it.
-- KEYS[1] meta
-- ARGV: prefix, epoch, claim, write, restoring ('1' or ''), changelog offset ('' : the meta stays), shard record,
--       then groups: bucket, count, and for each account id, value, due tick ('' : none), waits ('0' : none); an
--       account comes once
-- A value begins with the 8 bytes, little-endian, of its changelog offset, and has 17 at the least: one that is shorter is
-- damaged, and a restore puts another in its place.
local found = redis.call('HMGET', KEYS[1], 'epoch', 'claim', 'write')
if found[1] ~= ARGV[2] or found[2] ~= ARGV[3] or found[3] ~= ARGV[4] then return found end
local prefix, restoring, at, last = ARGV[1], ARGV[5] == '1', 8, #ARGV
local waited, any_waits = {}, false
for stream = 0, 5 do
    waited[stream] = redis.call('EXISTS', prefix .. 'wait:' .. stream) == 1
    any_waits = any_waits or waited[stream]
end

local function set_waits(member, waits)
    for stream = 0, 5 do
        if bit.band(waits, bit.lshift(1, stream)) ~= 0 then
            redis.call('SADD', prefix .. 'wait:' .. stream, member)
        elseif waited[stream] then
            redis.call('SREM', prefix .. 'wait:' .. stream, member)
        end
    end
end

-- A call from here costs the server more than an account in it: deadlines go in one for all, blobs in one for each bucket.
local due, gone = {}, {}
while at <= last do
    local bucket, count = ARGV[at], tonumber(ARGV[at + 1])
    local key, fields, stored = prefix .. 'b:' .. bucket, {}, {}
    if restoring then
        local ids = {}
        for i = 1, count do ids[i] = ARGV[at + 4 * i - 2] end
        stored = redis.call('HMGET', key, unpack(ids))
    end
    for i = 1, count do
        local place = at + 4 * i - 2
        local id, value = ARGV[place], ARGV[place + 1]
        if not stored[i] or #stored[i] < 17 or struct.unpack('<i8', stored[i]) < struct.unpack('<i8', value) then
            fields[#fields + 1], fields[#fields + 2] = id, value
            local member = bucket .. ':' .. id
            if ARGV[place + 2] == '' then
                gone[#gone + 1] = member
            else
                due[#due + 1], due[#due + 2] = ARGV[place + 2], member
            end
            if any_waits or ARGV[place + 3] ~= '0' then set_waits(member, tonumber(ARGV[place + 3])) end
        end
    end
    if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
    at = at + 2 + 4 * count
end
if #due > 0 then redis.call('ZADD', prefix .. 'due', unpack(due)) end
if #gone > 0 then redis.call('ZREM', prefix .. 'due', unpack(gone)) end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'offset', ARGV[6], 'record', ARGV[7]) end
redis.call('HSET', KEYS[1], 'write', string.format('%.0f', tonumber(ARGV[4]) + 1))
return found
