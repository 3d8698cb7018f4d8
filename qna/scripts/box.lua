-- Turn pre-moderation on or off, open or close the box. New questions only: those that wait go on waiting.
-- KEYS  1 meta  2 log (and channel)  3 idem:<cid>
-- ARGV  1 mode (pre | post | '': as it is)  2 open (1 | 0 | '')  3 moderator's number  4 moderator's role
-- Returns {mode, open} as they are now; {} for the cid of another command.
-- Atomic: the settings and the log entry must agree.
local said = redis.call('GET', KEYS[3])
local meta = redis.call('HMGET', KEYS[1], 'mode', 'open', 'ep')
if said then
  if said == 'box' then return {meta[1], meta[2]} end
  return {}
end
local mode, open = meta[1], meta[2]
if ARGV[1] ~= '' then mode = ARGV[1] end
if ARGV[2] ~= '' then open = ARGV[2] end
redis.call('SET', KEYS[3], 'box', 'PX', 600000)
if mode == meta[1] and open == meta[2] then return {mode, open} end
redis.call('HSET', KEYS[1], 'mode', mode, 'open', open)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id = redis.call('HINCRBY', KEYS[1], 's', 1) .. '-' .. string.format('%.0f', now)
local entry = cjson.encode({
  k = 'box', d = {mode = mode, open = open == '1'}, by = tonumber(ARGV[3]), role = ARGV[4], at = now,
})
redis.call('XADD', KEYS[2], id, 'a', 'p', 'd', entry)
redis.call('SPUBLISH', KEYS[2], meta[3] .. ' ' .. id .. ' p ' .. entry)
return {mode, open}
