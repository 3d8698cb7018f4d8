-- Counts that changed since a tally version.
-- KEYS  1 meta  2 rank  3 ver  4 q
-- ARGV  1 version
-- Returns {version now, qid, count, qid, count, …}.
-- Atomic: no change may fall between the version and the counts.
local answer = {tonumber(redis.call('HGET', KEYS[1], 'v') or '0')}
for _, qid in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[1], '+inf')) do
  local count = redis.call('ZSCORE', KEYS[2], qid)
  if not count then -- no longer votable: the count it left with
    local text = redis.call('HGET', KEYS[4], qid)
    count = text and cjson.decode(text).votes or 0
  end
  answer[#answer + 1] = qid
  answer[#answer + 1] = tonumber(count)
end
return answer
