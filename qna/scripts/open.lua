-- Open an event's board; one that is open stays as it is.
-- KEYS  1 meta
-- ARGV  1 moderation mode (pre | post)
-- Returns the epoch. Atomic: two processes opening at once must agree on one epoch.
local seconds = redis.call('TIME')[1]
redis.call('HSETNX', KEYS[1], 'ep', seconds)
redis.call('HSETNX', KEYS[1], 'mode', ARGV[1])
redis.call('HSETNX', KEYS[1], 'open', '1')
redis.call('HSETNX', KEYS[1], 'state', 'scheduled')
return redis.call('HGET', KEYS[1], 'ep')
