"""How often somebody may do something: token buckets, by key. Rules only; time is an argument (monotonic seconds)."""

from __future__ import annotations

from plenum.errors import TooMany

KEYS_MAX = 10_000
"""Keys remembered; when full, those whose bucket has refilled go first, then the oldest."""


class Limiter:
    """A bucket of `per_minute` tokens for each key, refilled evenly. `check` asks, `spend` takes, `take` does both."""

    def __init__(self, per_minute: float, burst: float | None = None, keys_max: int = KEYS_MAX) -> None:
        self._rate = per_minute / 60
        self._burst = per_minute if burst is None else burst
        self._keys_max = keys_max
        self._buckets: dict[str, tuple[float, float]] = {}

    def check(self, key: str, now: float) -> float:
        """What is left in the key's bucket. Raises TooMany `rate_limited`, with `retry_s`, when it is empty."""
        left = self._left(key, now)
        if left < 1:
            raise TooMany(
                "That was too often. Wait a moment and try again.",
                code="rate_limited",
                retry_s=(1 - left) / self._rate,
            )
        return left

    def spend(self, key: str, now: float) -> None:
        """Take a token, down to none."""
        self._keep(key, max(0.0, self._left(key, now) - 1), now)

    def take(self, key: str, now: float) -> None:
        """`check`, then `spend`."""
        self._keep(key, self.check(key, now) - 1, now)

    def _keep(self, key: str, left: float, now: float) -> None:
        if key not in self._buckets and len(self._buckets) >= self._keys_max:
            self._forget(now)
        self._buckets[key] = (left, now)

    def _left(self, key: str, now: float) -> float:
        left, at = self._buckets.get(key, (self._burst, now))
        return min(self._burst, left + (now - at) * self._rate)

    def _forget(self, now: float) -> None:
        full = [key for key in self._buckets if self._left(key, now) >= self._burst]
        for key in full or list(self._buckets)[: self._keys_max // 10 + 1]:
            del self._buckets[key]
