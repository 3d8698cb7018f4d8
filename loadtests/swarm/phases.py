"""Which phase of a run is counted right now, and what of each viewer's playout went into it already.

Whoever counts asks for `tally` each time: a new phase has a new one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from loadtests.swarm.playout import Playout
from loadtests.swarm.tally import Tally


class Told:
    """What of a viewer's stalls stands in a tally."""

    __slots__ = ("at", "no_picture_s", "stall_s", "stalls")

    def __init__(self, now: float) -> None:
        self.at = now
        self.stalls = 0
        self.stall_s = 0.0
        self.no_picture_s = 0.0


class Watching(Protocol):
    """Somebody with a page's buffer."""

    playout: Playout
    told: Told


class Phases:
    """The phase that runs, and those that are over."""

    def __init__(self, name: str) -> None:
        self.tally = Tally(name, time.time(), time.process_time())
        self.over: list[Tally] = []

    def begin(self, name: str) -> None:
        """What is counted from now on is counted as this; the one before has been closed."""
        self.tally = Tally(name, time.time(), time.process_time())

    def close(self, now: float) -> None:
        self.over.append(self.tally.close(now, time.process_time()))

    def settle(self, viewers: Iterable[Watching], now: float) -> None:
        """Stalls since this was last done go into the phase."""
        tally = self.tally
        for viewer in viewers:
            playout, told = viewer.playout, viewer.told
            playout.tick(now, 0.0)
            if playout.lag is not None:
                tally.watched_s += now - told.at
            tally.stalls += playout.stalls - told.stalls
            tally.stalled_viewers += playout.stalls > told.stalls
            tally.stall_s += playout.stall_s - told.stall_s
            tally.no_picture_s += playout.no_picture_s - told.no_picture_s
            told.no_picture_s = playout.no_picture_s
            told.stalls, told.stall_s, told.at = playout.stalls, playout.stall_s, now
