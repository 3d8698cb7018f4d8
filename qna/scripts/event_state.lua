-- The event went live, or ended.
-- KEYS  1 meta  2 log (and channel)
-- ARGV  1 state (live | ended)  2 since when, Unix ms
-- Returns 1 when it is news, else 0: an ended event stays ended.
-- Atomic: several processes may report the same change; the log says it once.
local meta = redis.call('HMGET', KEYS[1], 'state', 'ep')
if meta[1] == ARGV[1] or meta[1] == 'ended' then return 0 end
local field = 'live_at'
if ARGV[1] == 'ended' then field = 'ended_at' end
redis.call('HSET', KEYS[1], 'state', ARGV[1], field, ARGV[2])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id = redis.call('HINCRBY', KEYS[1], 's', 1) .. '-' .. string.format('%.0f', now)
local entry = cjson.encode({k = 'event.state', d = {state = ARGV[1], since = tonumber(ARGV[2])}, at = now})
redis.call('XADD', KEYS[2], id, 'a', 'p', 'd', entry)
redis.call('SPUBLISH', KEYS[2], meta[2] .. ' ' .. id .. ' p ' .. entry)
return 1
