"""When a transcoder counts as stuck, and when the next one starts. Rules only; time is an argument (monotonic seconds).

Two ways to fail are told apart. A run that gave parts for a while and then died is *sound*: the next one starts at once,
however often that happens (somebody kills it, the kernel does). A run that dies before that is *unsound*: what it is fed
kills it, or the machine cannot run it. Those wait longer each time, are rationed, and from the fifth on the sources are
held back (quarantine), so that the viewers get the slate instead of a picture that comes and goes.
"""

from __future__ import annotations

from collections import deque

import msgspec

START_PATIENCE_S = 10.0
"""Until the first part: codecs open, and a programme without a rate waits up to a second for its first picture."""
PROGRESS_PATIENCE_S = 1.8
"""Between two parts; they come every 0.2 s, and a process that waits for a processor is not held to it. With three seconds
the picture of a presenter whose transcoder hangs is not back within the three seconds that are promised."""
ASLEEP_S = 1.5
"""A check that comes later than this says that we ourselves were not running, so nothing can be held against others."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
WINDOW_S = 60.0
DEGRADED_AFTER = 5
"""Crashes within the window, of any kind: operators are told."""
RESTARTS_MAX = 6
"""Restarts after unsound runs within the window; more would take the processor from the other events."""
SOUND_S = 2.0
"""A run that gave parts for this long was sound."""
QUARANTINE_S = 30.0
"""How long a run without sources must last before they are tried again."""


class Watchdog:
    """Progress of one transcoder run. `check` wants to be called about twice a second."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._checked = now
        self._starved_s = 0.0
        self._first_part: float | None = None
        self._last_part = now

    def progress(self, now: float) -> None:
        """A new part has come."""
        self._since = self._last_part = now
        if self._first_part is None:
            self._first_part = now

    def is_stuck(self, now: float, starved_s: float = 0.0) -> bool:
        """True when the transcoder has to be killed. `starved_s`: how long it has waited for a processor, in all.

        That time does not count against it, and neither does time in which we did not check: a busy machine must not
        look like a crash, or the restarts make it busier still.
        """
        since_check = now - self._checked
        starved = min(max(0.0, starved_s - self._starved_s), since_check)
        self._since += since_check if since_check > ASLEEP_S else starved
        self._checked, self._starved_s = now, max(starved_s, self._starved_s)
        patience = START_PATIENCE_S if self._first_part is None else PROGRESS_PATIENCE_S
        return now - self._since > patience

    @property
    def was_sound(self) -> bool:
        return self._first_part is not None and self._last_part - self._first_part >= SOUND_S


class Verdict(msgspec.Struct, frozen=True):
    """What follows from a crash."""

    pause_s: float
    """Wait this long before the next start."""
    quarantine: bool
    """Start it without the sources that were attached to this one."""


class Restarts:
    """The crashes of one programme's transcoders."""

    def __init__(self) -> None:
        self._crashes: deque[float] = deque(maxlen=DEGRADED_AFTER)
        self._unsound: deque[float] = deque(maxlen=DEGRADED_AFTER)
        self._rationed: deque[float] = deque(maxlen=RESTARTS_MAX)
        self._in_a_row = 0

    def crashed(self, now: float, *, sound: bool) -> Verdict:
        """Count it and say when to start again."""
        self._crashes.append(now)
        if sound:
            self._in_a_row = 0
            return Verdict(FIRST_PAUSE_S, quarantine=False)
        self._unsound.append(now)
        pause_s = min(FIRST_PAUSE_S * 2**self._in_a_row, LONGEST_PAUSE_S)
        self._in_a_row = min(self._in_a_row + 1, 16)
        start = now + pause_s
        if len(self._rationed) == RESTARTS_MAX:
            start = max(start, self._rationed[0] + WINDOW_S)
        self._rationed.append(start)
        return Verdict(start - now, quarantine=_full(self._unsound, now))

    def degraded(self, now: float) -> bool:
        """Five crashes in the last minute."""
        return _full(self._crashes, now)


def _full(times: deque[float], now: float) -> bool:
    return len(times) == times.maxlen and now - times[0] <= WINDOW_S
