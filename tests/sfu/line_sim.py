"""A viewer of `auto` on a line of a given width, in simulated time: the real rules, a made-up network and player.

Direct: our transport, then the kernel (which takes little that it can not send), then the line. Behind a proxy: megabytes
are swallowed at once, and only the viewer's reports tell. The player shows what it has and freezes where it has nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from plenum.media import Rendition, RenditionKind
from plenum.wire import AUTO, Kind, Progress, Selected, as_programme, as_selected, unpack
from sfu.frames import Frame
from sfu.line import BUSY_BYTES
from sfu.stream import passing
from sfu.viewer import Viewer
from tests.sfu.feed_parts import PARTS, part, window

STEP_S = 0.005
KERNEL_BYTES = 32 * 1024
PROXY_BYTES = 4 * 1024 * 1024
PLAYER_BUFFER_S = 0.5
SOUND_BPS = 128_000
RUNGS = {"720p": 2_800_000, "480p": 1_200_000, "360p": 700_000, "240p": 350_000}
SOUND = Rendition(9, "audio", RenditionKind.AUDIO, SOUND_BPS, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
INDEPENDENT_SHARE = 2.5
"""A part that starts a segment is so much larger than the mean."""

Bps = Callable[[float], float]


def ladder(rungs: dict[str, int]) -> tuple[Rendition, ...]:
    video = [
        Rendition(number, name, RenditionKind.VIDEO, bps, "avc1.42c01f", 90_000, 16, 9, 30.0)
        for number, (name, bps) in enumerate(rungs.items())
    ]
    return (*video, SOUND)


def size_of(rendition: Rendition, index: int, independent_share: float) -> int:
    mean = rendition.bitrate_bps / 8 * 0.2
    share = independent_share if index == 0 else (PARTS - independent_share) / (PARTS - 1)
    return int(mean * share)


@dataclass
class Told:
    at: float
    rendition: str
    abandoned: bool
    why: str


@dataclass
class Outcome:
    """What happened."""

    told: list[Told] = field(default_factory=list)
    """What the page heard …"""
    decided: list[Told] = field(default_factory=list)
    """… and when it was said."""
    freezes: list[tuple[float, float]] = field(default_factory=list)
    """When each began, and how long it was."""
    unsent_max: int = 0
    sent_away_at: float | None = None
    written: int = 0
    shown: dict[str, float] = field(default_factory=dict)
    passed_on_at: list[float] = field(default_factory=list)
    """When a part was written without asking the rules."""

    def names(self, since: float = 0.0) -> list[str]:
        return [one.rendition for one in self.told if one.at >= since]

    def frozen_s(self, since: float = 0.0) -> float:
        return max([length for at, length in self.freezes if at >= since], default=0.0)


class Player:
    """Plays what it has half a second late; jumps over what never comes, and back to live where it is far behind."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._has: set[int] = set()
        self._newest = -1
        self._at: float | None = None
        self._waits_since: float | None = None
        self._full_at = 0.0

    def take(self, number: int, now: float) -> None:
        self._has.add(number)
        self._newest = max(self._newest, number)
        if self._at is None:
            self._at, self._full_at = number * 0.2, now + PLAYER_BUFFER_S

    def step(self, now: float) -> None:
        if self._at is None or now < self._full_at:
            return
        if (self._newest + 1) * 0.2 - self._at > PLAYER_BUFFER_S + 1.5:
            self._at = max(self._at, (self._newest + 1) * 0.2 - PLAYER_BUFFER_S)
        number = int(self._at / 0.2 + 1e-6)
        if number not in self._has:
            later = [one for one in self._has if one > number]
            if not later:
                self._waits_since = now if self._waits_since is None else self._waits_since
                return
            self._at = min(later) * 0.2
        if self._waits_since is not None:
            self._outcome.freezes.append((self._waits_since, now - self._waits_since))
            self._waits_since = None
        self._at += STEP_S

    def end(self, now: float) -> None:
        if self._waits_since is not None:
            self._outcome.freezes.append((self._waits_since, now - self._waits_since))


@dataclass
class Line:
    """The way from here to there."""

    bps: Bps
    delay_s: float = 0.02
    proxy: bool = False
    sound: bool = True
    kernel_bytes: int = KERNEL_BYTES
    bucket_bytes: int = 0
    """What was idle lets so much through at once, as a token bucket does."""
    report_every_s: float | None = 1.0
    report_delay: Callable[[float], float] = lambda at: 0.02
    reads: Callable[[float], bool] = lambda at: True
    """Whether the page takes what arrived, by the time: not while it collects garbage."""


def run(
    line: Line,
    seconds: float,
    rungs: dict[str, int] | None = None,
    most: str = "",
    parts_come: Callable[[float], bool] = lambda at: True,
    phase_s: float = 0.0,
    independent_share: float = INDEPENDENT_SHARE,
) -> Outcome:
    """Watch for so long. `phase_s`: how far into a segment the viewer joins."""
    return _Run(line, rungs or RUNGS, most, parts_come, phase_s, independent_share).run(seconds)


class _Run:
    def __init__(
        self,
        line: Line,
        rungs: dict[str, int],
        most: str,
        parts_come: Callable[[float], bool],
        phase_s: float,
        independent_share: float,
    ):
        self._line, self._parts_come = line, parts_come
        self._independent_share = independent_share
        self._tokens = 0.0
        self._unconfirmed: deque[tuple[float, float]] = deque()
        self._unconfirmed_bytes = 0.0
        self._ladder = ladder(rungs)
        self._window = window(ladder=self._ladder)
        self._viewer = Viewer()
        self._viewer.choose((AUTO,), most)
        self._outcome = Outcome()
        self._player = Player(self._outcome)
        self._now = 0.0
        self._next_part = 0
        self._zero = phase_s
        self._transport = self._kernel = self._proxied = 0.0
        self._written = 0
        self._passed = 0.0
        self._messages: deque[tuple[int, bytes]] = deque()
        """Where each message ends in the stream of bytes, and the message."""
        self._arriving: deque[tuple[float, bytes]] = deque()
        self._got: tuple[int, int] | None = None
        self._reports: deque[tuple[float, tuple[int, int] | None]] = deque()
        self._report_at = 0.37
        assert self._window.programme_frame is not None
        self._programme = as_programme(self._window.programme_frame.payload)

    def run(self, seconds: float) -> Outcome:
        self._produce()
        self._viewer.adopt(self._programme)
        for one in self._viewer.start(self._window):
            self._offer(one)
        while self._now < seconds and self._outcome.sent_away_at is None:
            self._now += STEP_S
            self._pass_bytes()
            self._arrive()
            self._report()
            for one in self._produce():
                self._offer(one)
            if self._viewer.waits and round(self._now / STEP_S) % 4 == 0:
                self._write(self._viewer.attend(self._unsent, self._now, self._in_flight))
            self._player.step(self._now)
            self._judge()
        self._player.end(self._now)
        self._outcome.written = self._written
        return self._outcome

    @property
    def _unsent(self) -> int:
        return int(self._transport)

    @property
    def _in_flight(self) -> int:
        """As TIOCOUTQ has it: also what has left and was not confirmed yet."""
        while self._unconfirmed and self._unconfirmed[0][0] <= self._now:
            self._unconfirmed_bytes -= self._unconfirmed.popleft()[1]
        return 0 if self._line.proxy else int(self._kernel + self._unconfirmed_bytes)

    def _produce(self) -> list[Frame]:
        """Parts that are due; the first ones are those of the segment that the viewer joins in."""
        made: list[Frame] = []
        while (self._next_part + 1) * 0.2 <= self._zero + self._now + 1e-9:
            msn, index = divmod(self._next_part, PARTS)
            self._next_part += 1
            if not self._parts_come(self._now):
                self._next_part += PARTS - index - 1  # a new encoder starts with a new segment
                continue
            for rendition in self._ladder[:-1]:
                one = part(msn, index, rendition, size=size_of(rendition, index, self._independent_share))
                self._window.accept(one)
                made.append(one)
        return made

    def _offer(self, one: Frame) -> None:
        simple, stream = passing(one, self._window), self._viewer.streams.get(one.header.rendition)
        # As `Client.pass_on` has it.
        is_simple = simple is not None and stream is not None and stream.passed is simple.before
        if (
            simple is not None
            and stream is not None
            and is_simple
            and not self._unsent
            and self._in_flight < BUSY_BYTES
        ):
            self._write([one.wire])
            self._outcome.passed_on_at.append(self._now)
            self._viewer.passed_on(stream, simple, self._in_flight, self._now)
            return
        self._write(self._viewer.offer(one, self._window, self._unsent, self._now, self._in_flight))

    def _write(self, messages: list[bytes]) -> None:
        for message in messages:
            self._written += len(message)
            self._transport += len(message)
            self._messages.append((self._written, message))
            said = _selected(message)
            if said is not None:
                self._outcome.decided.append(Told(self._now, said.rendition, said.abandoned, said.why))

    def _pass_bytes(self) -> None:
        line = self._line
        if line.proxy:
            room = PROXY_BYTES - self._proxied
            taken = min(self._transport, room)
            self._transport -= taken
            self._proxied += taken
            waiting = self._proxied
        else:
            taken = min(self._transport, line.kernel_bytes - self._kernel)
            self._transport -= taken
            self._kernel += taken
            waiting = self._kernel
        width = max(0.0, line.bps(self._now) - (SOUND_BPS if line.sound else 0)) / 8 * STEP_S
        self._tokens = min(max(line.bucket_bytes, width), self._tokens + width)
        passed = min(waiting, self._tokens)
        self._tokens -= passed
        if line.proxy:
            self._proxied -= passed
        else:
            self._kernel -= passed
        self._passed += passed
        if passed:
            self._unconfirmed.append((self._now + 2 * line.delay_s, passed))
            self._unconfirmed_bytes += passed
        while self._messages and self._messages[0][0] <= self._passed + 0.5:
            self._arriving.append((self._now + line.delay_s, self._messages.popleft()[1]))

    def _arrive(self) -> None:
        while self._arriving and self._arriving[0][0] <= self._now and self._line.reads(self._now):
            _, message = self._arriving.popleft()
            header, _ = unpack(message[{126: 4, 127: 10}.get(message[1], 2) :])
            said = _selected(message)
            if said is not None:
                self._outcome.told.append(Told(self._now, said.rendition, said.abandoned, said.why))
            elif header.kind is Kind.PART:
                self._got = max(self._got or (0, 0), (header.msn, header.part))
                self._player.take(header.msn * PARTS + header.part, self._now)
                name = self._ladder[header.rendition].name
                self._outcome.shown[name] = self._outcome.shown.get(name, 0.0) + 0.2

    def _report(self) -> None:
        line = self._line
        if line.report_every_s is not None and self._now >= self._report_at and line.reads(self._now):
            self._report_at = self._now + line.report_every_s
            self._reports.append((self._now + line.report_delay(self._now), self._got))
        while self._reports and self._reports[0][0] <= self._now:
            _, got = self._reports.popleft()
            self._viewer.report(Progress(0, 0, 0, got), self._now)
            self._write(self._viewer.attend(self._unsent, self._now, self._in_flight))

    def _judge(self) -> None:
        self._outcome.unsent_max = max(self._outcome.unsent_max, self._unsent)
        if self._viewer.farewell is not None:
            self._outcome.sent_away_at = self._now


def _selected(message: bytes) -> Selected | None:
    header, payload = unpack(message[{126: 4, 127: 10}.get(message[1], 2) :])
    return as_selected(payload) if header.kind is Kind.SELECTED else None
