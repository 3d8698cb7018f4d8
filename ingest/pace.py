"""The programme's constant frame rate: which tick comes next, which picture it shows, how long pictures wait. Rules only.

Tick n stands for the programme time n / fps and is due at that local time. A source's pictures and sound get their
place on that line as capture time plus a *playout delay*, just long enough that nearly all of them are decoded when
their tick comes. Times are local monotonic µs and arrive as arguments. Used by `ingest/stage.py` and
`ingest/transcoder.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Generic, NamedTuple, TypeVar

from ingest.samples import SampleStream

Picture = TypeVar("Picture")

RATES = (30, 25)
DEFAULT_FPS = 30
WINDOW_S = 10
"""How long something late is remembered."""
PARTS_PER_SECOND = 5
SEGMENT_SECONDS = 2


def nearest_rate(timestamps: Sequence[int], clock_rate: int = 90_000) -> int:
    """25 or 30, whichever the source's pictures fit better; half or double the rate fits as well.

    From the median distance of the timestamps, since the first second of a call is full of losses.
    """
    steps = [later - earlier for earlier, later in pairwise(timestamps) if later > earlier]
    if len(steps) < 5:
        return DEFAULT_FPS
    source = clock_rate / median(steps)

    def misfit(rate: int) -> float:
        ratio = max(source, rate) / min(source, rate)
        return abs(ratio - round(ratio))

    return min(RATES, key=misfit)


class RateChoice:
    """The programme's rate: the setting, else the first source's, else 30; decided within a second of going on air."""

    LISTEN_US = 600_000
    """From the first picture on."""
    PATIENCE_US = 1_000_000
    """For a first picture, once somebody is on air."""
    IDLE_US = 5_000_000
    """For anybody to go on air."""

    def __init__(self, setting: int, now_us: int) -> None:
        self._setting = setting
        self._give_up_us = now_us + self.IDLE_US
        self._timestamps: list[int] = []

    def went_on_air(self, now_us: int, *, anybody: bool) -> None:
        """Somebody; or the slate was asked for, which needs no waiting."""
        if not self._timestamps:
            self._give_up_us = now_us + (self.PATIENCE_US if anybody else 0)

    def saw_picture(self, timestamp: int, now_us: int) -> None:
        """A coded picture of the source on air."""
        if not self._timestamps:
            self._give_up_us = now_us + self.LISTEN_US
        self._timestamps.append(timestamp)

    def decided(self, now_us: int) -> int | None:
        if self._setting:
            return self._setting
        return nearest_rate(self._timestamps) if now_us >= self._give_up_us else None

    @property
    def decides_at_us(self) -> int:
        return 0 if self._setting else self._give_up_us


class Tick(NamedTuple):
    """Encode one picture that lasts `span` ticks."""

    number: int
    span: int
    jumped: bool
    """The clock left a hole before this tick: open a new segment."""


class Ticker:
    """Counts ticks; when the encoders fall behind, a picture lasts longer, up to the end of its part.

    That sheds up to five sixths of the load and leaves parts, segments and key frames where they belong. Only after
    `JUMP_S` without any progress (a stopped process) does the line break.
    """

    LATE_S = 0.15
    JUMP_S = 2.0

    def __init__(self, fps: int, zero_us: int, now_us: int) -> None:
        self.fps = fps
        self.dropped = 0
        self._zero_us = zero_us
        self._ticks_per_part = fps // PARTS_PER_SECOND
        self.first = self.next = -(-(now_us - zero_us) * fps // 1_000_000)

    @property
    def due_us(self) -> int:
        return self.time_us(self.next)

    def time_us(self, number: int) -> int:
        """Local time of a tick."""
        return self._zero_us + number * 1_000_000 // self.fps

    def take(self, now_us: int) -> Tick:
        """The tick to encode now."""
        behind = (now_us - self.due_us) * self.fps // 1_000_000
        if behind > self.JUMP_S * self.fps:
            return self._jump(behind)
        span = 1
        if behind > self.LATE_S * self.fps:
            left_in_part = self._ticks_per_part - (self.next - self.first) % self._ticks_per_part
            span = min(behind, left_in_part)
        return self._advance(span)

    def _jump(self, behind: int) -> Tick:
        self.first = self.next = self.next + behind
        self.dropped += behind
        return self._advance(1, jumped=True)

    def _advance(self, span: int, *, jumped: bool = False) -> Tick:
        tick = Tick(self.next, span, jumped)
        self.dropped += span - 1
        self.next += span
        return tick


class Extremes:
    """The largest and the smallest value of the last `seconds`, kept by the second."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._held: deque[tuple[int, int, int]] = deque()

    def add(self, at_us: int, value: int) -> None:
        second = at_us // 1_000_000
        if not self._held or self._held[-1][0] != second:
            self._held.append((second, value, value))
        else:
            _, low, high = self._held[-1]
            self._held[-1] = (second, min(low, value), max(high, value))
        while self._held[0][0] <= second - self._seconds:
            self._held.popleft()

    @property
    def low(self) -> int:
        return min(low for _, low, _ in self._held)

    @property
    def high(self) -> int:
        return max(high for _, _, high in self._held)


class PlayoutDelay:
    """How long after capture a source's pictures and sound are due.

    Grows at once when something came later than that (a repeated picture costs less than a lost one), shrinks by one
    frame at most every ten seconds (each time a picture is left out). Never more than `SLACK_MAX_US` above what the
    slower stream needs at its best; but where one packet of sound after the other comes later than that (a line that
    has become too narrow, with a long queue before it), up to `SLACK_SOUND_US`: seconds without sound would be worse. Of
    what is above `SLACK_MAX_US` a frame a second is given back.
    """

    SLACK_FIRST_US = 40_000
    SLACK_MIN_US = 20_000
    SLACK_MAX_US = 100_000
    SLACK_SOUND_US = 600_000
    MARGIN_US = 4_000
    SOUND_MARGIN_US = 30_000
    SHRINK_EVERY_US = 10_000_000
    HURRY_EVERY_US = 1_000_000
    LASTING_US = 70_000
    LASTING_PACKETS = 5
    LASTING_SHARE = 0.2
    """Of the packets in that time so many may have come sooner."""

    def __init__(self, fps: int = DEFAULT_FPS) -> None:
        self.value_us = 0
        self._frame_us = 1_000_000 // fps
        self._streams: dict[int, Extremes] = {}
        self._shrunk_us = 0
        self._sound: deque[tuple[int, int]] = deque(maxlen=self.LASTING_PACKETS)
        self._slack_us = self.SLACK_MAX_US
        self._slack_shrunk_us = 0

    def observe(self, stream: int, lateness_us: int, now_us: int) -> None:
        """Something of this stream became playable `lateness_us` after its capture."""
        if not self._streams:
            self._shrunk_us = now_us
            self.value_us = lateness_us + self.SLACK_FIRST_US
        self._streams.setdefault(stream, Extremes(WINDOW_S)).add(now_us, lateness_us)
        best = max(held.low for held in self._streams.values())
        worst = max(held.high for held in self._streams.values())
        if stream == SampleStream.AUDIO:
            self._sound.append((now_us, lateness_us))
            self._allow(self._lasting_us() + self.SOUND_MARGIN_US - best, now_us)
        # What waited in a socket while a process started is late by seconds, and then no more.
        self.value_us = min(self.value_us, best + self._slack_us)
        self._approach(min(max(worst + self.MARGIN_US, best + self.SLACK_MIN_US), best + self._slack_us), now_us)

    def _lasting_us(self) -> int:
        """How late nearly all of the last packets of sound have come; 0 where that is not known."""
        full = len(self._sound) == self.LASTING_PACKETS
        # A burst of what had waited says nothing about the line.
        if not full or self._sound[-1][0] - self._sound[0][0] < self.LASTING_US:
            return 0
        return sorted(lateness for _, lateness in self._sound)[int(self.LASTING_PACKETS * self.LASTING_SHARE)]

    def _allow(self, needed_us: int, now_us: int) -> None:
        if needed_us > self._slack_us:
            self._slack_us, self._slack_shrunk_us = min(needed_us, self.SLACK_SOUND_US), now_us
        elif self._slack_us > self.SLACK_MAX_US and now_us - self._slack_shrunk_us > self.HURRY_EVERY_US:
            self._slack_us = max(self.SLACK_MAX_US, needed_us, self._slack_us - self._frame_us)
            self._slack_shrunk_us = now_us

    def _approach(self, wanted_us: int, now_us: int) -> None:
        excess_us = self.value_us - wanted_us
        if excess_us < 0:
            self.value_us = wanted_us
        elif excess_us > self._frame_us * 3 // 2 and now_us - self._shrunk_us > self.SHRINK_EVERY_US:
            self.value_us -= self._frame_us
            self._shrunk_us = now_us


class FrameQueue(Generic[Picture]):
    """Decoded pictures waiting for their tick.

    Where the source has the programme's rate, one picture is taken for each tick and the *phase*, the filtered distance
    between a picture's due time and its tick, decides when to leave one out or to repeat one: jitter of the timestamps
    around a tick's edge then loses nothing. At any other rate each tick takes the newest picture that is due.
    """

    LIMIT = 16
    """Above it the oldest goes: at 1080p one picture is 3 MB."""
    LATE_MAX = 8.0
    """So many frames late it is no jitter any more: find the phase anew."""
    PLAY = 0.15
    """The phase belongs between 0 and 1; so much beyond it, it is put right by a whole picture."""

    def __init__(self, fps: int) -> None:
        self._frame_us = 1_000_000 / fps
        self._held: deque[tuple[int, Picture]] = deque()
        self._steps: deque[int] = deque(maxlen=30)
        self._newest_us: int | None = None
        self._phase: float | None = None
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._held)

    def retime(self, fps: int) -> None:
        """The programme's rate is known now."""
        self._frame_us = 1_000_000 / fps

    @property
    def source_fps(self) -> float:
        step_us = self._step_us()
        return 1_000_000 / step_us if step_us else 0.0

    def _step_us(self) -> float:
        """Mean distance of pictures lately, those around a lost one left out."""
        usual = median(self._steps) if self._steps else 0
        near = [step for step in self._steps if step < usual * 1.75]
        return sum(near) / len(near) if near else 0.0

    def put(self, media_us: int, capture_us: int, picture: Picture) -> None:
        """`media_us` is the picture's own timestamp, `capture_us` its place on the local clock."""
        if self._newest_us is not None and media_us <= self._newest_us:
            self.skipped += 1
            return
        if self._newest_us is not None:
            self._steps.append(media_us - self._newest_us)
        self._newest_us = media_us
        self._held.append((capture_us, picture))
        if len(self._held) > self.LIMIT:
            self._drop()

    def take(self, due_us: int, delay_us: int) -> Picture | None:
        """The picture for this tick, or None: show the one before once more."""
        if not self._held:
            return None
        return self._take_locked(due_us - delay_us) if self._locked() else self._take_nearest(due_us - delay_us)

    def _locked(self) -> bool:
        if len(self._steps) < 5:
            return False
        misfit = abs(self._step_us() / self._frame_us - 1)
        return misfit < (0.03 if self._phase is None else 0.12)

    def _late(self, wanted_us: int) -> float:
        """How late the first picture is, in frames; negative when it is early."""
        return (wanted_us - self._held[0][0]) / self._frame_us

    def _drop(self) -> None:
        self._held.popleft()
        self.skipped += 1

    def _skip_overdue(self, wanted_us: int) -> float:
        """Leave out what a later picture that is due replaces; returns how late the first one is then."""
        while len(self._held) > 1 and self._held[1][0] <= wanted_us:
            self._drop()
        return self._late(wanted_us)

    def _take_nearest(self, wanted_us: int) -> Picture | None:
        self._phase = None
        return self._held.popleft()[1] if self._skip_overdue(wanted_us) >= 0 else None

    def _take_locked(self, wanted_us: int) -> Picture | None:
        if self._phase is None or self._late(wanted_us) > self.LATE_MAX:
            late = self._skip_overdue(wanted_us)
            if late < 0:
                return None
            self._phase = min(late, 1.0)
        if self._phase > 1 + self.PLAY and len(self._held) > 1:
            self._drop()
            self._phase -= 1
        late = self._late(wanted_us)
        if self._phase < -self.PLAY:
            self._phase += 1
            return None
        if late < self._phase - 0.75:
            return None
        self._phase += 0.1 * (late - self._phase)
        return self._held.popleft()[1]


class Presence:
    """Whether a source is there at all: silent for a second means gone.

    A still screen share without sound sends a picture or a sender report only about once a second; a source that
    paused like that twice lately is given half as long again as such a pause, at most 2.5 s.
    """

    GONE_US = 1_000_000
    GONE_MAX_US = 2_500_000

    def __init__(self, now_us: int) -> None:
        self._seen_us = now_us
        self._pauses: deque[tuple[int, int]] = deque(maxlen=16)

    def seen(self, at_us: int) -> None:
        pause = at_us - self._seen_us
        if pause > self.GONE_US // 2:
            self._pauses.append((at_us, pause))
        self._seen_us = max(self._seen_us, at_us)

    def is_gone(self, now_us: int) -> bool:
        recent = sorted(pause for at, pause in self._pauses if now_us - at < 10_000_000 and pause < self.GONE_MAX_US)
        habit = recent[-2] if len(recent) > 1 else 0
        return now_us - self._seen_us > max(self.GONE_US, min(self.GONE_MAX_US, habit * 3 // 2))
