-- Takes a shard over: refuses a later owner, a store that knows of more than the changelog, and foreign data; else epoch
-- and nonce are the claimer's, and the meta is returned as it was before.
-- KEYS[1] meta
-- ARGV: cluster id, changelog id, partitions, epoch, newest known changelog offset, nonce
local meta = redis.call('HMGET', KEYS[1], 'cluster', 'changelog', 'partitions', 'epoch', 'claim', 'write', 'offset',
                        'record', 'layouts')
local function answer(verdict)
    return {verdict, meta[1] or '', meta[3] or '', meta[4] or '', meta[5] or '', meta[6] or '', meta[7] or '',
            meta[8] or '', meta[9] or ''}
end
if meta[4] then
    if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] then return answer('IDENTITY') end
    if tonumber(meta[4]) > tonumber(ARGV[4]) then return answer('EPOCH') end
    if meta[7] and tonumber(meta[7]) > tonumber(ARGV[5]) then return answer('OFFSET') end
end
redis.call('HSET', KEYS[1], 'cluster', ARGV[1], 'changelog', ARGV[2], 'partitions', ARGV[3], 'epoch', ARGV[4],
           'claim', ARGV[6], 'write', meta[6] or '0')
return answer('OK')
