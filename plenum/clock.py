"""Time as an argument: rule files take seconds or a `Clock`, only the rim reads the machine's clocks."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings: `monotonic` for time-outs and pacing, `wall` (Unix seconds) for tokens and PROGRAM-DATE-TIME."""

    def monotonic(self) -> float: ...

    def wall(self) -> float: ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()
