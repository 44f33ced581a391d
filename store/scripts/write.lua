-- Blobs and deadlines of a commit, and with the last of them its meta; refused unless the shard is exactly as its owner
-- left it.
-- KEYS[1] meta
-- ARGV: prefix, epoch, connection, write, restoring ('1' or ''), changelog offset ('' : the meta stays), shard record,
--       then groups: bucket, count, and for each account id, value, due tick ('' : none), waits ('0' : none); an
--       account comes once
-- A value begins with the 8 bytes, little-endian, of its changelog offset.
local found = redis.call('HMGET', KEYS[1], 'epoch', 'connection', 'write')
if found[1] ~= ARGV[2] or found[2] ~= ARGV[3] or found[3] ~= ARGV[4] then return found end
local prefix, restoring, at, last = ARGV[1], ARGV[5] == '1', 8, #ARGV
local due_key = prefix .. 'due'
local waited = {}
for stream = 0, 5 do waited[stream] = redis.call('EXISTS', prefix .. 'wait:' .. stream) == 1 end
while at <= last do
    local key, count = prefix .. 'b:' .. ARGV[at], tonumber(ARGV[at + 1])
    local fields, due, gone = {}, {}, {}
    for i = 0, count - 1 do
        local place = at + 2 + 4 * i
        local id, value = ARGV[place], ARGV[place + 1]
        local stored = restoring and redis.call('HGET', key, id)
        if not stored or struct.unpack('<i8', stored) < struct.unpack('<i8', value) then
            fields[#fields + 1], fields[#fields + 2] = id, value
            local member = ARGV[at] .. ':' .. id
            if ARGV[place + 2] == '' then
                gone[#gone + 1] = member
            else
                due[#due + 1], due[#due + 2] = ARGV[place + 2], member
            end
            local waits = tonumber(ARGV[place + 3])
            for stream = 0, 5 do
                if bit.band(waits, bit.lshift(1, stream)) ~= 0 then
                    redis.call('SADD', prefix .. 'wait:' .. stream, member)
                elseif waited[stream] then
                    redis.call('SREM', prefix .. 'wait:' .. stream, member)
                end
            end
        end
    end
    if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
    if #due > 0 then redis.call('ZADD', due_key, unpack(due)) end
    if #gone > 0 then redis.call('ZREM', due_key, unpack(gone)) end
    at = at + 2 + 4 * count
end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'offset', ARGV[6], 'record', ARGV[7]) end
redis.call('HSET', KEYS[1], 'write', string.format('%.0f', tonumber(ARGV[4]) + 1))
return found
