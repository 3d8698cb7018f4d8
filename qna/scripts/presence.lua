-- How many people are here: this process's number in, the sum of all fresh ones out.
-- KEYS  1 pres
-- ARGV  1 process id  2 its count  3 how long a count is fresh, ms
-- Returns the sum. Atomic: a count is replaced, never added twice.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ',' .. string.format('%.0f', now))
local sum, all = 0, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local count, at = string.match(all[i + 1], '^(%d+),(%d+)$')
  if count and now - tonumber(at) <= tonumber(ARGV[3]) then
    sum = sum + tonumber(count)
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return sum
