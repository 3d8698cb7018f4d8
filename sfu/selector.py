"""Which picture a viewer of `auto` is sent: the largest that its line carries. Rules only.

    starting ──► steady ──late──► changing ──its first part is sent──► steady
                    └──calm──────────┘  └──no rung fits──► off ──quiet──► changing

*Late* is what `lateness.py` says. *Down*
goes straight to the rung that fits what the line was seen to carry; *up* one rung at a time, and each time longer after a
rung that turned out too large. From a larger rung nobody goes to no picture at once: the smallest is tried before.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Literal

import msgspec

from sfu.lateness import Lateness, Patience, Rung, Signs

Why = Literal["start", "slow", "recovered", "asked"]
Direction = Literal["down", "up", "off", "on", ""]


class Choice(msgspec.Struct, frozen=True):
    """From the next independent part on: this rung, or no picture."""

    name: str
    abandoned: bool
    """Nothing more of the picture sent until now."""
    why: Why
    direction: Direction


SMALLEST_USE = 0.95
"""Below the smallest rung there is only no picture: a line that carries so much of it is tried."""

LATE_NOW_S = 0.5
"""Seen to be late so lately. Each part is looked at."""


class Sound(msgspec.Struct, frozen=True):
    """What the line has to carry beside the picture."""

    bps: int = 0
    is_here: bool = False
    """On this very connection, and so part of what was seen to get through; else on another one of the same line."""


class _Phase(Enum):
    STEADY = auto()
    """The chosen rung is being sent."""
    CHANGING = auto()
    """It will be, from its next independent part on."""
    OFF = auto()


class _Trial(msgspec.Struct):
    """A rung that was too large."""

    failures: int
    failed_at: float
    again_at: float


class Selector:
    """The choice for one viewer. The viewer tells what it sees; `look` answers with another choice, or none."""

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._rungs: tuple[Rung, ...] = ()
        self.begins = ""
        """Name of the rung to begin with; without it, or where it is not offered: the largest."""
        self._on: Rung | None = None
        self._sound = Sound()
        self._phase = _Phase.CHANGING
        self._trials: dict[str, _Trial] = {}
        self._sending: Rung | None = None
        """Whose parts are being sent: another one than chosen while that has not begun."""
        self._came_from: Rung | None = None
        """The smaller rung that this one is a trial after …"""
        self._trusted: Rung | None = None
        """… and the one that a failed trial leads back to."""
        self._began_at = self._grace_until = float("-inf")
        self._changed_at: float | None = None
        self._slow_since: float | None = None
        self._late_at = float("-inf")
        self._lateness = Lateness(self._patience)

    @property
    def name(self) -> str:
        """The rung that was chosen; none: ""."""
        return self._on.name if self._on is not None else ""

    @property
    def is_off(self) -> bool:
        return self._phase is _Phase.OFF

    @property
    def may_grow(self) -> bool:
        """There is a larger rung to go up to."""
        is_steady = self._phase is _Phase.STEADY and self._on is not None
        return is_steady and bool(self._rungs) and self.name != self._rungs[0].name

    def is_settled(self, now: float) -> bool:
        """The largest rung is being sent, is no trial, and nothing says that it is late."""
        is_top = self._on is not None and self._on.name == self._rungs[0].name and self._came_from is None
        is_calm = not self._lateness.is_reported and now >= self._grace_until
        return self._phase is _Phase.STEADY and is_top and is_calm

    @property
    def is_calm(self) -> bool:
        """No sign of lateness for a while: the line has room for more than the picture."""
        return self._lateness.calm_s >= self._patience.calm_s

    def is_smallest_late(self, now: float) -> bool:
        """It is sent all the same, since there is nothing smaller."""
        return self._on is not None and self._on in self._rungs[-1:] and now - self._late_at <= LATE_NOW_S

    @property
    def is_changing(self) -> bool:
        return self._phase is _Phase.CHANGING

    def offer(self, rungs: Sequence[Rung], most: str, sound: Sound, why: Why) -> Choice | None:
        """There are these rungs, and none larger than `most` is wanted: a choice where the one until now is none of them."""
        self._sound = sound
        if not self._rungs:  # none until now: what was seen of a picture before is long past
            self._lateness.reset()
        self._rungs = _at_most(sorted(rungs, key=lambda rung: -rung.bps), most)
        if not self._rungs or self._phase is _Phase.OFF:
            return None
        before = self._on
        if before is None:
            first = next((rung for rung in self._rungs if rung.name == self.begins), self._rungs[0])
            return self._go(first, None, Choice(first.name, False, why, ""))
        same = next((rung for rung in self._rungs if rung.name == before.name), None)
        if same is not None:
            self._on = same
            return None
        nearest = next((rung for rung in self._rungs if rung.bps <= before.bps), self._rungs[-1])
        direction: Direction = "down" if nearest.bps < before.bps else "up"
        return self._go(nearest, None, Choice(nearest.name, False, why, direction))

    def began(self, now: float) -> None:
        """A part of the chosen rung is sent."""
        if self._phase is _Phase.CHANGING:
            self._phase, self._began_at, self._sending = _Phase.STEADY, now, self._on
            if self._came_from is None:
                self._grace_until = now + self._patience.grace_s
            self._lateness.reset()

    def reported(self, behind_s: float, now: float) -> None:
        """So many seconds of picture were sent and not received when the viewer reported."""
        self._lateness.reported(behind_s, self._came_from is not None, now)

    def sent(self, picture_s: float) -> None:
        """So much of the chosen rung was sent."""
        self._lateness.calm_s += picture_s
        if self._lateness.calm_s >= self._patience.quiet_s:
            self._slow_since = None

    def passed(self, picture_s: float, now: float) -> None:
        """While settled, a part was due on a line that had taken all before it: what `look` and `sent` would note of it."""
        self._lateness.passed(now)
        self.sent(picture_s)

    def look(self, signs: Signs, now: float) -> Choice | None:
        """Before each part, and while something waits."""
        if self._changed_at is None:
            self._changed_at = now
        if not self._rungs:  # a programme that has lost all its pictures: the choice stands until it has some again
            return None
        if self._on is None:
            return self._try_again(signs, now) if self._phase is _Phase.OFF else None
        if self._phase is _Phase.CHANGING and self._came_from is None:
            return self._reconsider(self._on, signs, now)
        if self._is_late(self._sending or self._on, signs, now):
            return self._down(self._on, signs, now)
        return self._up(self._on, signs, now) if self._phase is _Phase.STEADY else None

    def _is_late(self, rung: Rung, signs: Signs, now: float) -> bool:
        waiting_s = self._lateness.see_waiting(signs, self._came_from is not None, now) if signs.is_due else 0.0
        if now < self._grace_until:
            return False
        if self._phase is _Phase.STEADY and now - self._began_at >= self._patience.trial_s:
            self._came_from = None
        return self._lateness.is_late(rung, signs, waiting_s, now)

    def _down(self, rung: Rung, signs: Signs, now: float) -> Choice | None:
        if self._slow_since is None or now - self._late_at > self._patience.late_again_s:
            self._slow_since = now
        self._late_at = now
        if rung is self._rungs[-1] and self._may_go_on_with_smallest(signs, now):
            return None
        self._note_failure(rung, now)
        best = self._fitting(signs.carries_bps, below=rung)
        trusted = self._came_from  # a trial: the rung before it was carried
        if trusted is not None and (best is None or best.bps <= trusted.bps):
            best = trusted
        for between in self._rungs:
            if signs.carries_bps is not None and 0.9 * signs.carries_bps < between.bps < rung.bps:
                self._note_failure(between, now)
        if best is None:
            return self._give_up(now)
        is_sent = self._sending is not None and best.name == self._sending.name  # the trial had not begun
        choice = self._go(best, now, Choice(best.name, not is_sent and self._is_to_abandon(signs), "slow", "down"))
        self._trusted = trusted if best is trusted else None
        return choice

    def _may_go_on_with_smallest(self, signs: Signs, now: float) -> bool:
        """Late, and there is nothing smaller: to stop it in the middle of a segment would only be one more freeze.

        Where the line carries it after all; where nobody knows yet, for as long as a line may drain.
        """
        is_early = self._slow_since is not None and now - self._slow_since < self._patience.drain_s
        return is_early or self._is_smallest_carried(signs)

    def _is_smallest_carried(self, signs: Signs) -> bool:
        carries_bps = signs.carries_at_best_bps
        takes_bps = min(signs.sends_bps, self._rungs[-1].bps)
        return carries_bps is not None and carries_bps >= SMALLEST_USE * takes_bps

    def _give_up(self, now: float) -> Choice:
        self._on, self._phase, self._changed_at, self._came_from = None, _Phase.OFF, now, None
        self._sending = None
        self._lateness.reset()
        return Choice("", True, "slow", "off")

    def _reconsider(self, rung: Rung, signs: Signs, now: float) -> Choice | None:
        """Before the rung begins: the line may turn out to carry less than was thought."""
        since, carries_bps = self._changed_at, signs.carries_bps
        if since is None or carries_bps is None or signs.is_drained or rung is self._trusted:
            return None
        if not self._fits(rung, carries_bps) and rung is not self._rungs[-1]:
            best = self._fitting(carries_bps, below=rung)
            if best is not None:
                return self._go(best, since, Choice(best.name, self._is_to_abandon(signs), "slow", "down"))
        is_hopeless = rung is self._rungs[-1] and not self._is_smallest_carried(signs)
        if is_hopeless and now - since >= self._patience.drain_s:
            self._note_failure(rung, now)
            return self._give_up(now)
        return None

    def _try_again(self, signs: Signs, now: float) -> Choice | None:
        """The smallest rung, when nothing has waited for a while."""
        if not signs.is_drained or self._changed_at is None:
            self._changed_at = now
        if not self._rungs or now - self._changed_at < self._patience.off_quiet_s:
            return None
        smallest = self._rungs[-1]
        if not self._may_try(smallest, now):
            return None
        return self._go(smallest, now, Choice(smallest.name, False, "recovered", "on"))

    def _up(self, rung: Rung, signs: Signs, now: float) -> Choice | None:
        at = next((number for number, one in enumerate(self._rungs) if one.name == rung.name), 0)
        if at == 0 or self._lateness.calm_s < self._patience.quiet_s or self._lateness.reports_when_calm == 0:
            return None
        above = self._rungs[at - 1]
        if not self._may_try(above, now):
            return None
        known_bps = signs.could_carry_bps
        if (
            known_bps is not None
            and not self._fits(above, known_bps)
            and self._lateness.calm_s < self._patience.doubt_s
        ):
            return None
        choice = self._go(above, now, Choice(above.name, False, "recovered", "up"))
        self._came_from = rung
        return choice

    def _may_try(self, rung: Rung, now: float) -> bool:
        trial = self._trials.get(rung.name)
        return trial is None or now >= trial.again_at

    def _go(self, rung: Rung, now: float | None, choice: Choice) -> Choice:
        self._on, self._phase, self._changed_at, self._came_from = rung, _Phase.CHANGING, now, None
        self._trusted = None
        if choice.abandoned:
            self._sending = None
        self._lateness.reset()
        return choice

    def _fits(self, rung: Rung, carries_bps: float) -> bool:
        line = carries_bps + (0 if self._sound.is_here else self._sound.bps)
        return rung.bps <= self._patience.use * line - self._sound.bps

    def _fitting(self, carries_bps: float | None, below: Rung) -> Rung | None:
        """The largest smaller rung that fits; the smallest where none does; None where there is no smaller one."""
        smaller = [rung for rung in self._rungs if rung.bps < below.bps]
        if carries_bps is None or not smaller:
            return smaller[0] if smaller else None
        return next((rung for rung in smaller if self._fits(rung, carries_bps)), smaller[-1])

    def _is_to_abandon(self, signs: Signs) -> bool:
        """Whether what is left of the old picture's segment would take the line too long."""
        if not signs.carries_bps or self._sending is None:
            return True
        more = max(0.0, self._sending.bps - signs.carries_bps) * signs.independent_in_s
        return (signs.on_its_way * 8 + more) / signs.carries_bps >= self._patience.abandon_s

    def _note_failure(self, rung: Rung, now: float) -> None:
        patience, before = self._patience, self._trials.get(rung.name)
        soon = now - self._began_at < patience.trial_s
        recent = before is not None and now - before.failed_at < patience.forgiven_s
        failures = before.failures + soon if before is not None and recent else 1
        wait_s = min(patience.back_off_max_s, patience.back_off_s * 2 ** (failures - 1))
        self._trials[rung.name] = _Trial(failures, now, now + wait_s)


def _at_most(rungs: Sequence[Rung], most: str) -> tuple[Rung, ...]:
    """Those up to the named one; where there is none of that name, those below the height that it says."""
    for number, rung in enumerate(rungs):
        if rung.name == most:
            return tuple(rungs[number:])
    height = _height(most)
    if height is None:
        return tuple(rungs)
    return tuple(rung for rung in rungs if (_height(rung.name) or 0) <= height) or tuple(rungs[-1:])


def _height(name: str) -> int | None:
    return int(name[:-1]) if name[:-1].isdigit() and name.endswith("p") and len(name) < 8 else None
