-- Everything about a board at one log position.
-- KEYS  1 meta  2 q  3 rank  4 log
-- Returns {last log id or '', meta, q, rank}, the latter three as flat lists of field and value.
-- Atomic: questions, counts and position must belong together.
local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
return {
  last[1] and last[1][1] or '',
  redis.call('HGETALL', KEYS[1]),
  redis.call('HGETALL', KEYS[2]),
  redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES'),
}
