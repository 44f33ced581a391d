-- Epoch, claim and write number as they are.
-- KEYS[1] meta
return redis.call('HMGET', KEYS[1], 'epoch', 'claim', 'write')
