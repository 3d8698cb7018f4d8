"""The signs that a picture comes late to one viewer. Rules only; `Selector` asks, and draws the conclusion.

Two signs, each compared with what is usual on this line (a long way round the world is no slow line): how many seconds of
picture wait for the network, at every part; how many were sent, or are held here, and not received, at every report.
"""

from __future__ import annotations

import msgspec

from sfu.line import REPORT_VALID_S

FLOOR_BYTES = 24 * 1024
"""Less than this waiting is never late, however small the rung: one independent part of the smallest."""
USUAL_OVER_S = 10.0


class Rung(msgspec.Struct, frozen=True):
    """A video rendition, as far as it matters here."""

    name: str
    bps: int


class Signs(msgspec.Struct, frozen=True):
    """What is known of a viewer's line at one moment."""

    is_due: bool
    """The next part of what is being sent is there: what waits now is late, and not just given."""
    backlog: int
    """Bytes that wait for the network …"""
    waiting_s: float
    """… and the seconds of picture in them."""
    sends_bps: float
    """What the picture really takes, which may be much less than it was encoded for."""
    on_its_way: int
    """Those, or what the viewer has not received by its report, where that is more."""
    carries_bps: float | None
    """What was seen to get through in the last second, while more was waiting …"""
    carries_at_best_bps: float | None
    """… and in the last six."""
    could_carry_bps: float | None
    """What got through at once, lately, of a part that starts a segment: nothing is known of a line behind a proxy."""
    is_drained: bool
    """All of the picture sent so far has arrived, as far as anybody can tell."""
    independent_in_s: float
    """Until the next independent part."""


class Patience(msgspec.Struct, frozen=True):
    """When a line is slow, and when it has recovered."""

    waiting_s: float = 0.45
    """Down when so many seconds of picture more than usual wait for the network …"""
    waiting_for_s: float = 0.18
    """… at parts that are so far apart at least."""
    trial_waiting_s: float = 0.3
    """The same for a rung that was just gone up to."""
    behind_s: float = 0.75
    """Down when so many more than usual were sent and not received, by one report …"""
    behind_twice_s: float = 0.55
    """… or so many by two. A page that collects garbage for 300 ms with a report on its way stays below."""
    trial_behind_s: float = 0.45
    lost_s: float = 3.0
    """Down at so many, usual or not."""
    grace_s: float = 1.5
    """A connection that starts, or drains, gets so long to become quick."""
    abandon_s: float = 1.0
    """The old picture is stopped in the middle when the line would need so long for what is left of it."""
    drain_s: float = 7.0
    """What waits for a line that does not carry the smallest rung gets so long to become less."""
    late_again_s: float = 3.0
    """Late after more than so long without: for another reason. A segment takes more of a line than the mean now and then."""
    use: float = 0.8
    """How much of a line is planned with."""
    quiet_s: float = 5.0
    """Up after so many seconds of picture without a sign of lateness."""
    calm_s: float = 1.5
    """What the line carries is tried out after so many."""
    doubt_s: float = 60.0
    """… and after so many where the line was seen to carry too little when it was given much at once."""
    off_quiet_s: float = 8.0
    """The smallest rung is tried again after so long without a picture."""
    trial_s: float = 15.0
    """A rung that is late so soon after it was gone up to has failed."""
    back_off_s: float = 8.0
    back_off_max_s: float = 120.0
    forgiven_s: float = 300.0


class _Usual:
    """The least of some seconds: what a line has always, such as the way itself."""

    def __init__(self) -> None:
        self._least = self._older = float("inf")
        self._since: float | None = None

    def above(self, value: float, now: float) -> float:
        """How much the value is above the usual one."""
        if self._since is None or now - self._since >= USUAL_OVER_S / 2:
            self._older, self._least, self._since = self._least, float("inf"), now
        self._least = min(self._least, value)
        return value - min(self._least, self._older)


class Lateness:
    """What was seen of one line since its picture began, or another one was chosen."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._reported_at = float("-inf")
        self._last_behind_s = 0.0
        self.calm_s = 0.0
        """Seconds of picture sent without a sign of lateness …"""
        self.reports_when_calm: int | None = None
        """… and the reports that came meanwhile; None where none ever came."""
        self.reset()

    def reset(self) -> None:
        """Another picture: what was seen says nothing of it."""
        self._usual_waiting, self._usual_behind = _Usual(), _Usual()
        self._late_since: float | None = None
        self._lags, self.calm_s = 0, 0.0
        self._is_behind = self._is_lost = False
        if self.reports_when_calm is not None:
            self.reports_when_calm = 0

    @property
    def is_reported(self) -> bool:
        """By the newest report."""
        return self._is_behind or self._is_lost

    def reported(self, behind_s: float, is_trial: bool, now: float) -> None:
        """So many seconds of picture were given, or are held, and not received when the viewer reported."""
        above = self._usual_behind.above(behind_s, now)
        shrinks = behind_s < self._last_behind_s - 0.1
        self._last_behind_s = behind_s
        self._lags = self._lags + 1 if above >= self._patience.behind_twice_s else 0
        bound = self._patience.trial_behind_s if is_trial else self._patience.behind_s
        self._is_behind = not shrinks and (above >= bound or self._lags >= 2)
        self._is_lost = not shrinks and behind_s >= self._patience.lost_s
        if above >= self._patience.behind_twice_s:
            self.calm_s = 0.0
        self.reports_when_calm = (self.reports_when_calm or 0) + 1
        self._reported_at = now

    def passed(self, now: float) -> None:
        """A part was due on a line that had taken all before it."""
        self._usual_waiting.above(0.0, now)
        self._late_since = None

    def see_waiting(self, signs: Signs, is_trial: bool, now: float) -> float:
        """Seconds of picture that wait for the network; notes since when they are too many."""
        patience = self._patience
        is_much = signs.backlog > FLOOR_BYTES or signs.waiting_s >= patience.lost_s
        waiting_s = signs.waiting_s if is_much else 0.0
        above = self._usual_waiting.above(waiting_s, now)
        if above > patience.trial_waiting_s / 2:
            self.calm_s = 0.0
        if above < (patience.trial_waiting_s if is_trial else patience.waiting_s):
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now
        return waiting_s

    def is_late(self, rung: Rung, signs: Signs, waiting_s: float, now: float) -> bool:
        """By either sign."""
        patience = self._patience
        waits = self._late_since is not None and now - self._late_since >= patience.waiting_for_s
        # What gets through faster than it is made is catching up.
        waits = waits and signs.carries_bps is not None and signs.carries_bps < min(signs.sends_bps, rung.bps)
        behind = self.is_reported and now - self._reported_at <= REPORT_VALID_S
        return waits or behind or waiting_s >= patience.lost_s
