"""Whether a page would have stalled: its buffer in numbers. Rules only; times are wall-clock seconds.

The page (player/src/core/playhead.ts) keeps 0.45 s in hand on average, plays up to 6 % faster or 3 % slower to get there,
jumps when it is 1.5 s behind that, and has 0.15 s more in hand after each stall, for 20 s. Media time is the capture's wall
clock, so `lag` is how old the picture is that the model shows. A picture that the server takes away stands still until there
is one again, though the sound goes on: that is a stall too, and counted by itself.
"""

from __future__ import annotations

TARGET_S = 0.45
JUMP_BEYOND_S = 1.5
SETTLED_WITHIN_S = 0.3
SETTLING_S = 1.5
STALL_COST_S = 0.15
MOST_TARGET_S = 1.2
QUIET_S = 20.0
SLOWEST, FASTEST = 0.97, 1.06
DEAD_BAND_S = 0.06
HALF_PART_S = 0.1
"""The buffer saws by one part between two arrivals: its mean lies half a part below what an arrival leaves."""
ENOUGH_S = 0.05
"""With less than this in hand an element goes on waiting."""
_NEVER = float("inf")


class Playout:
    """One viewer's picture and sound, played together."""

    __slots__ = (
        "_base", "_dark_since", "_ends", "_level", "_quiet_since", "_settling_until", "_stalled", "_target", "lag",
        "no_picture_s", "stall_s", "stalls",
    )  # fmt: skip

    def __init__(self, *, picture: bool = True, sound: bool = True, target_s: float = TARGET_S) -> None:
        self._ends = [0.0 if picture else _NEVER, 0.0 if sound else _NEVER]
        self._base = self._target = target_s
        self._level = 0.0
        self._quiet_since = 0.0
        self._settling_until = 0.0
        self._stalled = False
        self.lag: float | None = None
        """The clock less the media time that is shown; None before the first picture."""
        self.stalls = 0
        self.stall_s = 0.0
        self.no_picture_s = 0.0
        """Of those, because the server gave none."""
        self._dark_since: float | None = None

    def arrived(self, kind: int, now: float, end: float) -> None:
        """A part of the picture (kind 0) or the sound (1) that ends at `end`."""
        ends = self._ends
        if self.lag is None:
            ends[kind] = max(ends[kind], end)
            self._start(now)
            return
        until = min(ends) + self.lag
        if now > until:
            self._wait(until, now)
        ends[kind] = max(ends[kind], end)
        level = min(ends) + self.lag - now
        if self._stalled and level > ENOUGH_S:
            self._stalled = False
        if level > self._target + (SETTLED_WITHIN_S if now < self._settling_until else JUMP_BEYOND_S):
            self.lag -= level - self._target
            level = self._target
        self._level = level

    def without_picture(self, now: float) -> None:
        """The sound alone goes on until a picture comes again."""
        self._ends[0] = _NEVER
        if self._dark_since is None:
            self._dark_since = now
            self.stalls += 1

    def without_sound(self) -> None:
        """There is none."""
        self._ends[1] = _NEVER

    def with_picture(self, now: float, end: float) -> None:
        self._count_dark(now)
        self._dark_since = None
        if self._ends[0] == _NEVER:
            self._ends[0] = end

    def _count_dark(self, now: float) -> None:
        if self._dark_since is not None:
            passed = max(0.0, now - self._dark_since)
            self.no_picture_s += passed
            self.stall_s += passed
            self._dark_since = now

    def tick(self, now: float, passed_s: float) -> None:
        """So much time has passed: what the rate did, and a stall that lasts."""
        self._count_dark(now)
        if self.lag is None:
            return
        until = min(self._ends) + self.lag
        if now > until:
            self._wait(until, now)
            return
        off = self._level - HALF_PART_S - self._target
        if abs(off) > DEAD_BAND_S:
            self.lag -= (min(FASTEST, max(SLOWEST, 1 + off / 5)) - 1) * passed_s
        if self._target > self._base and now - self._quiet_since > QUIET_S:
            self._target = max(self._base, self._target - STALL_COST_S)
            self._quiet_since = now

    def _start(self, now: float) -> None:
        if min(self._ends) > 0.0:
            self.lag = now - min(self._ends) + self._target
            self._quiet_since, self._settling_until = now, now + SETTLING_S

    def _wait(self, until: float, now: float) -> None:
        if self.lag is None:
            return
        if not self._stalled:
            self._stalled = True
            self.stalls += 1
            self._target = max(self._target, min(MOST_TARGET_S, self._target + STALL_COST_S))
        self._quiet_since = now
        self.stall_s += now - until
        self.lag += now - until
