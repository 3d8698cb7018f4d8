"""A page that plays on while its picture does not come, in simulated time: the sound leads, and always comes.

What player/src/core/{stillness,playhead}.ts decide: the picture that is late is waited for and slows the sound; one that ran dry
stands still until what comes reaches beyond the playhead; one that is given up is filled, which only a key frame ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable

SEGMENT_S, PART_S = 2.0, 0.2
PARTS = 10
TARGET_S, JUMP_S = 0.45, 1.5
LEAD_S, LATE_S, DRY_S, SOON_S, ENOUGH_S, SPARE_S, JOIN_S = 0.3, 2.3, 0.08, 0.3, 0.15, 1.5, 0.02
LATE_FACTOR = 1.5
STALL_COST_S, MOST_TARGET_S, QUIET_S = 0.15, 1.2, 20.0


class SoundLedPlayer:
    """`froze` is told of each freeze, when it began and how long it was."""

    def __init__(self, froze: Callable[[float, float], None]) -> None:
        self._froze = froze
        self._at: float | None = None
        self._end = 0.0
        self._key = 0.0
        self._broke_off: float | None = None
        """Where the real picture ended, while it is filled."""
        self._filled_from = 0.0
        self._held: tuple[float, float] | None = None
        self._is_absent = False
        self._still_since: float | None = None
        self._target, self._quiet_since = TARGET_S, 0.0
        self._sound_offset: float | None = None
        """When sound of a moment comes, less that moment."""

    def give_up(self) -> None:
        """No more of this picture is on its way."""
        self._is_absent = True

    def take(self, number: int, now: float) -> None:
        """A part of the picture came."""
        begin, end = number * PART_S, (number + 1) * PART_S
        self._sound_offset = now - end if self._sound_offset is None else min(self._sound_offset, now - end)
        is_key = number % PARTS == 0
        if self._at is None:
            self._at, self._end, self._key = end - TARGET_S, end, begin
        elif self._broke_off is None and self._at <= self._end + DRY_S:
            if is_key or abs(begin - self._end) < JOIN_S:
                self._append(is_key, begin, end)
        else:
            self._hold(is_key, begin, end, self._at)

    def _hold(self, is_key: bool, begin: float, end: float, at: float) -> None:
        if self._broke_off is None:
            begins = is_key or abs(begin - self._end) < JOIN_S
        else:
            begins = is_key and begin > self._filled_from + JOIN_S
        if begins:
            self._held = begin, end
        elif not is_key and self._held is not None and abs(begin - self._held[1]) < JOIN_S:
            self._held = self._held[0], end
        else:
            self._held = None
        if self._held is None:
            return
        is_soon = self._broke_off is not None or self._held[0] <= at + SOON_S
        if is_soon and self._held[1] >= at + ENOUGH_S:
            first = self._held[0]
            self._append(math.isclose(first % SEGMENT_S, 0, abs_tol=0.01) or is_key, first, self._held[1])

    def _append(self, is_key: bool, begin: float, end: float) -> None:
        if is_key:
            self._key = begin
        self._end, self._broke_off, self._held, self._is_absent = end, None, None, False

    def _fill(self, at: float, now: float) -> None:
        is_dry = at > self._end + DRY_S
        soon = self._broke_off is not None or (self._is_absent and not is_dry)
        if at <= self._end + (-LEAD_S if soon else LATE_S):
            return
        key = self._key + math.ceil((self._end - self._key + JOIN_S) / SEGMENT_S) * SEGMENT_S
        while key + SPARE_S < at + 2 * LEAD_S:
            key += SEGMENT_S
        if self._held is not None and self._held[0] <= self._end + JOIN_S:
            self._held = None
            self._target, self._quiet_since = min(MOST_TARGET_S, self._target + STALL_COST_S), now
        if self._broke_off is None:
            self._broke_off = self._end
        self._filled_from, self._end = self._end, key + SPARE_S

    def step(self, now: float, step_s: float) -> None:
        if self._at is None or self._sound_offset is None:
            return
        self._fill(self._at, now)
        ends = self._end if self._broke_off is None else self._broke_off
        is_still = self._at >= ends
        if is_still:
            self._still_since = now if self._still_since is None else self._still_since
        elif self._still_since is not None:
            self._froze(self._still_since, now - self._still_since)
            self._still_since = None
        self._play(now, step_s, ends, is_still)

    def _play(self, now: float, step_s: float, ends: float, is_still: bool) -> None:
        assert self._at is not None
        assert self._sound_offset is not None
        sound_end = math.floor((now - self._sound_offset) / PART_S + 1e-6) * PART_S
        ahead = (sound_end if is_still else min(sound_end, ends)) - self._at
        if self._target > TARGET_S and now - self._quiet_since >= QUIET_S:
            self._target, self._quiet_since = self._target - STALL_COST_S, now
        if ahead > self._target + JUMP_S:
            self._at += ahead - self._target
            return
        target = self._target * (LATE_FACTOR if is_still or sound_end - ends > SOON_S else 1)
        if ahead <= 0:
            rate = 0.0 if is_still else 1.0  # the element lets the sound go on for a while
        elif ahead < target * 0.4:
            rate = 0.7
        elif ahead < target * 0.6:
            rate = 0.85
        else:
            rate = min(1.06, max(0.97, 1 + (ahead - 0.1 - target) / 5))
        self._at += rate * step_s

    def end(self, now: float) -> None:
        if self._still_since is not None:
            self._froze(self._still_since, now - self._still_since)
