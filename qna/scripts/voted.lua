-- Which of some questions each of some people has voted for.
-- KEYS  vb:<qid>…
-- ARGV  voters' numbers…
-- Returns per person a string of 0 and 1, in the order of KEYS.
-- One script for many joiners: a round trip per bit would cost more than the join.
local answer = {}
for person = 1, #ARGV do
  local bits = {}
  for question = 1, #KEYS do bits[question] = redis.call('GETBIT', KEYS[question], ARGV[person]) end
  answer[person] = table.concat(bits)
end
return answer
