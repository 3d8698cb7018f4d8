-- Keep a question and tell the log.
-- KEYS  1 meta  2 q  3 rank  4 st:pending  5 log (and channel)  6 idem:<cid>  7 rl
-- ARGV  1 asker's number  2 body as JSON (text, author, conf, lang)  3 worker's clock, ms  4 asks a minute  5 questions an event
-- Returns {1, qid, id} new | {0, qid} said before | {-2, ms} too fast | {-3} box closed | {-4} event over | {-5} cid of
-- another command | {-6} board full.
-- Atomic: a repeated command, the rate, the number, the state and the log entry must not come apart.
local said = redis.call('GET', KEYS[6])
if said then
  local qid = string.match(said, '^ask:(%w+)$')
  if qid then return {0, qid} end
  return {-5}
end
local meta = redis.call('HMGET', KEYS[1], 'mode', 'open', 'state', 'ep')
if meta[3] == 'ended' then return {-4} end
if meta[2] == '0' then return {-3} end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[5]) then return {-6} end

-- GCRA: the stored time is when the person's allowance is full again.
local clock, spacing = tonumber(ARGV[3]), 60000 / tonumber(ARGV[4])
local full_at = tonumber(redis.call('HGET', KEYS[7], ARGV[1]) or '0')
if full_at < clock or full_at > clock + 60000 then full_at = clock end -- rested, or the clock was set back
local wait = full_at - clock - (60000 - spacing)
if wait > 0 then return {-2, math.ceil(wait)} end
redis.call('HSET', KEYS[7], ARGV[1], string.format('%.0f', full_at + spacing))
redis.pcall('HPEXPIRE', KEYS[7], 120000, 'FIELDS', 1, ARGV[1]) -- servers before 7.4 do not know it

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local n = redis.call('HINCRBY', KEYS[1], 'q', 1)
local qid = 'q' .. n
local state, audience = 'published', 'p'
if meta[1] == 'pre' then state, audience = 'pending', 'ma' end

local body = cjson.decode(ARGV[2])
body.n, body.state, body.at, body.state_at = n, state, now, now
redis.call('HSET', KEYS[2], qid, cjson.encode(body))
if state == 'pending' then
  redis.call('ZADD', KEYS[4], now_text, qid)
else
  redis.call('ZADD', KEYS[3], 0, qid)
end

local id = redis.call('HINCRBY', KEYS[1], 's', 1) .. '-' .. now_text
local entry = cjson.encode({k = 'q.new', d = {q = qid, state = state}, at = now})
redis.call('XADD', KEYS[5], id, 'a', audience, 'd', entry)
redis.call('SPUBLISH', KEYS[5], meta[4] .. ' ' .. id .. ' ' .. audience .. ' ' .. entry)
-- A page keeps a question that found no server for up to 20 hours (player/src/core/outbox.ts) and says it again then.
redis.call('SET', KEYS[6], 'ask:' .. qid, 'PX', 86400000)
return {1, qid, id}
