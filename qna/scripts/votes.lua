-- A batch of votes of many people on some questions.
-- KEYS  1 meta  2 rank  3 ver  4 log (channel only)  5… vb:<qid>, one per question
-- ARGV  per question: qid, number of votes, then that many pairs (voter's number, 1 or 0)
-- Returns per question its new count, or -1 where it is not votable (not in rank).
-- Atomic: the voter's bit decides whether the count moves, so a vote counts once whatever is repeated or raced.
local counts, arg, touched = {}, 1, false
for key = 5, #KEYS do
  local qid, votes = ARGV[arg], tonumber(ARGV[arg + 1])
  local count = redis.call('ZSCORE', KEYS[2], qid)
  if not count then
    counts[#counts + 1] = -1
  else
    local delta = 0
    for vote = arg + 2, arg + 2 * votes, 2 do
      local want = tonumber(ARGV[vote + 1])
      delta = delta + want - redis.call('SETBIT', KEYS[key], ARGV[vote], want)
    end
    if delta ~= 0 then
      count = redis.call('ZINCRBY', KEYS[2], delta, qid)
      redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[1], 'v', 1), qid)
      touched = true
    end
    counts[#counts + 1] = tonumber(count)
  end
  arg = arg + 2 + 2 * votes
end
if touched then redis.call('SPUBLISH', KEYS[4], 'v') end
return counts
