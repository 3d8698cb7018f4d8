-- The log after a position, and whether that position is part of this history.
-- KEYS  1 meta  2 log
-- ARGV  1 log id ('0-0': the beginning)  2 at most so many entries
-- Returns {epoch, 1 | 0, {{id, {field, value, …}}, …}}; 0: a failover took us to a history without that entry.
-- Atomic: the answer must not mix two histories.
local known = 1
if ARGV[1] ~= '0-0' and #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then known = 0 end
return {
  redis.call('HGET', KEYS[1], 'ep') or '',
  known,
  redis.call('XRANGE', KEYS[2], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]),
}
