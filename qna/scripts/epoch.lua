-- Begin a new epoch, once for all processes that noticed the same break.
-- KEYS  1 meta
-- ARGV  1 the epoch that broke
-- Returns the epoch that holds now. Atomic: compare and set.
if redis.call('HGET', KEYS[1], 'ep') == ARGV[1] then
  return tostring(redis.call('HINCRBY', KEYS[1], 'ep', 1))
end
return redis.call('HGET', KEYS[1], 'ep')
