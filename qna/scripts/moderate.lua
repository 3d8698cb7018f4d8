-- Move a question from one state to another, if it still stands in the first.
-- KEYS  1 meta  2 q  3 rank  4 ver  5 log (and channel)  6 idem:<cid>  7 vb:<qid>
--       8 st:pending  9 st:answered  10 st:declined  11 st:hidden
-- ARGV  1 qid  2 from  3 to  4 is `to` votable (1|0)  5 reason  6 audience  7 moderator's number  8 moderator's role
--       9 what becomes of the question that holds `to` now ('': `to` is not for one alone)  10 is that votable (1|0)
-- Returns {1, id, state} | {0, '', state} said before | {-1, current state, who made it so} | {-2} unknown question
-- | {-5} cid of another command.
-- Atomic: two moderators never overwrite each other, and exactly one question is `now`, one `next`.
local said = redis.call('GET', KEYS[6])
if said then
  if said == 'mod:' .. ARGV[1] .. ':' .. ARGV[3] then return {0, '', ARGV[3]} end
  return {-5}
end
local text = redis.call('HGET', KEYS[2], ARGV[1])
if not text then return {-2} end
local body = cjson.decode(text)
if body.state ~= ARGV[2] then return {-1, body.state, body.by or -1} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = string.format('%.0f', now)
local ep = redis.call('HGET', KEYS[1], 'ep')
local lists = {pending = KEYS[8], answered = KEYS[9], declined = KEYS[10], hidden = KEYS[11]}
local alone = {now = true, next = true}
local actor = tonumber(ARGV[7])

local function move(qid, item, to, votable, reason, audience)
  local from = item.state
  local count = redis.call('ZSCORE', KEYS[3], qid)
  if votable == '1' and not count then -- back among the votable ones: its voters are still in the bitmap
    redis.call('ZADD', KEYS[3], redis.call('BITCOUNT', KEYS[7]), qid)
    redis.call('ZADD', KEYS[4], redis.call('HINCRBY', KEYS[1], 'v', 1), qid)
    item.votes = nil
  elseif votable == '0' and count then
    redis.call('ZREM', KEYS[3], qid)
    item.votes = tonumber(count)
  end
  if lists[from] then redis.call('ZREM', lists[from], qid) end
  if lists[to] then redis.call('ZADD', lists[to], now_text, qid) end
  if alone[from] then redis.call('HDEL', KEYS[1], from) end
  if alone[to] then redis.call('HSET', KEYS[1], to, qid) end
  item.state, item.state_at, item.by, item.reason = to, now, actor, nil
  local change = {q = qid, from = from, to = to}
  if reason ~= '' then item.reason, change.reason = reason, reason end
  redis.call('HSET', KEYS[2], qid, cjson.encode(item))

  local id = redis.call('HINCRBY', KEYS[1], 's', 1) .. '-' .. now_text
  local entry = cjson.encode({k = 'q.state', d = change, by = actor, role = ARGV[8], at = now})
  redis.call('XADD', KEYS[5], id, 'a', audience, 'd', entry)
  redis.call('SPUBLISH', KEYS[5], ep .. ' ' .. id .. ' ' .. audience .. ' ' .. entry)
  return id
end

if ARGV[9] ~= '' then
  local holder = redis.call('HGET', KEYS[1], ARGV[3])
  if holder then
    -- From a votable state to another or out of rank, never into it: no bitmap of this question is needed.
    move(holder, cjson.decode(redis.call('HGET', KEYS[2], holder)), ARGV[9], ARGV[10], '', 'p')
  end
end
local id = move(ARGV[1], body, ARGV[3], ARGV[4], ARGV[5], ARGV[6])
redis.call('SET', KEYS[6], 'mod:' .. ARGV[1] .. ':' .. ARGV[3], 'PX', 600000)
return {1, id, ARGV[3]}
