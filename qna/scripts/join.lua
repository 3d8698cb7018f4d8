-- A person's participant number: get it, or give the next one.
-- KEYS  1 u  2 un  3 meta
-- ARGV  1 keyed hash of the person  2 display name
-- Returns the number. Atomic: one person joining twice at once gets one number, numbers are dense (they are bit offsets).
local uidx = redis.call('HGET', KEYS[1], ARGV[1])
if not uidx then
  uidx = redis.call('HINCRBY', KEYS[3], 'u', 1) - 1
  redis.call('HSET', KEYS[1], ARGV[1], uidx)
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[2], uidx, ARGV[2])
end
return tonumber(uidx)
