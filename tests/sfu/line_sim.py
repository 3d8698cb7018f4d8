"""A viewer of `auto` on a line of a given width, in simulated time: the real rules, a made-up network and player.

Direct: our transport, then the kernel (which takes little that it can not send), then the line. Behind a proxy: megabytes
are swallowed at once, and only the viewer's reports tell. The player shows what it has and freezes where it has nothing; what
comes too late it shows only once it reaches beyond the playhead. The page reports as the real one does: every two seconds, with
each part that comes late, and it gives a line up that is late for a second without a word (player/src/ui/watch/push-path.ts).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from plenum.media import Rendition, RenditionKind
from plenum.wire import AUTO, Kind, Progress, Selected, as_programme, as_selected, unpack
from sfu.frames import Frame
from sfu.line import BUSY_BYTES
from sfu.stream import passing
from sfu.viewer import Viewer
from tests.sfu.feed_parts import PARTS, part, window
from tests.sfu.page_sim import SoundLedPlayer

STEP_S = 0.005
KERNEL_BYTES = 32 * 1024
PROXY_BYTES = 4 * 1024 * 1024
PLAYER_BUFFER_S = 0.5
SOUND_BPS = 128_000
RUNGS = {"720p": 2_800_000, "480p": 1_200_000, "360p": 700_000, "240p": 350_000}
SOUND = Rendition(9, "audio", RenditionKind.AUDIO, SOUND_BPS, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
LATE_S, LATE_PART_S, LATE_AGAIN_S = 0.3, 0.1, 0.25
STOOD_STILL_S = 0.25
SETTLED_S = 2.5
GIVE_UP_S, GIVE_UP_AGAIN_S, SUCCESSION_S = 1.0, 20.0, 1.5
OPENING_S = 0.1
ENOUGH_S = 0.3
INDEPENDENT_SHARE = 2.5
"""A part that starts a segment is so much larger than the mean."""
BUSY = 0.8, 1.25
"""With a seed: what a segment takes of the mean, as far as the encoder's bounds let it …"""
UNLIKE = 0.6, 1.4
"""… and a part of its segment."""

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
    given_up_at: list[float] = field(default_factory=list)
    """When the page took another line, because no word came by this one."""
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

    def step(self, now: float, step_s: float) -> None:
        if self._at is None or now < self._full_at:
            return
        if (self._newest + 1) * 0.2 - self._at > PLAYER_BUFFER_S + 1.5:
            self._at = max(self._at, (self._newest + 1) * 0.2 - PLAYER_BUFFER_S)
        number = int(self._at / 0.2 + 1e-6)
        if number not in self._has:
            later = [one for one in self._has if one > number]
            if not later or (max(later) + 1) * 0.2 < self._at + ENOUGH_S:
                self._waits_since = now if self._waits_since is None else self._waits_since
                return
            self._at = min(later) * 0.2
        if self._waits_since is not None:
            self._outcome.freezes.append((self._waits_since, now - self._waits_since))
            self._waits_since = None
        self._at += step_s

    def give_up(self) -> None:
        """Nothing: this one waits."""

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
    sound_bps: int = SOUND_BPS
    kernel_bytes: int = KERNEL_BYTES
    bucket_bytes: int = 0
    """What was idle lets so much through at once, as a token bucket does."""
    report_every_s: float | None = 2.0
    reports_late: bool = True
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
    seed: int | None = None,
    sound_leads: bool = False,
) -> Outcome:
    """Watch for so long. `phase_s`: how far into a segment the viewer joins; `seed`: parts as unlike as an encoder's."""
    return _Run(line, rungs or RUNGS, most, parts_come, phase_s, independent_share, seed, sound_leads).run(seconds)


@dataclass
class _Page:
    """What player/src/core/punctuality.ts knows, and when the page last said so."""

    newest_to: float = 0.0
    offset: float = 0.0
    least: float = float("inf")
    older: float = float("inf")
    half_since: float = 0.0
    since: float | None = None
    looked_at: float = 0.0
    late_reported_at: float = float("-inf")
    late_since: float | None = None
    selected_at: float = float("-inf")
    selected: str = ""
    gave_up_at: float = float("-inf")
    part_at: float = 0.0
    carries_bps: int | None = None

    def arrived(self, to: float, now: float) -> None:
        self.part_at = now
        if to <= self.newest_to:
            return
        self.since = now if self.since is None else self.since
        self.newest_to, self.offset = to, now - to
        if now - self.half_since >= 5.0:
            self.older, self.least, self.half_since = self.least, float("inf"), now
        self.least = min(self.least, self.offset)

    def late_s(self, now: float) -> float:
        if self.since is None or now - self.since < SETTLED_S or now - self.gave_up_at < SUCCESSION_S:
            return 0.0
        late = max(self.offset, now - self.newest_to - 0.2) - min(self.least, self.older)
        return late if late > LATE_S else 0.0

    def forget(self) -> None:
        self.newest_to, self.least, self.older, self.since = 0.0, float("inf"), float("inf"), None


class _Run:
    def __init__(
        self,
        line: Line,
        rungs: dict[str, int],
        most: str,
        parts_come: Callable[[float], bool],
        phase_s: float,
        independent_share: float,
        seed: int | None,
        sound_leads: bool,
    ):
        self._line, self._parts_come = line, parts_come
        self._independent_share = independent_share
        self._tokens = 0.0
        self._unconfirmed: deque[tuple[float, float]] = deque()
        self._unconfirmed_bytes = 0.0
        self._ladder = ladder(rungs)
        self._window = window(ladder=self._ladder)
        self._viewer = Viewer()
        self._most = most
        self._viewer.choose((AUTO,), most)
        self._outcome = Outcome()
        freezes = self._outcome.freezes
        self._player = (
            SoundLedPlayer(lambda at, length: freezes.append((at, length))) if sound_leads else Player(self._outcome)
        )
        self._busy = 1.0
        self._random = Random(seed) if seed is not None else None
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
        self._reports: deque[tuple[float, Progress]] = deque()
        self._report_at = 0.37
        self._page = _Page()
        self._opens_at: float | None = None
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
            self._look_late()
            self._report()
            for one in self._produce():
                self._offer(one)
            self._open_again()
            if self._viewer.waits and round(self._now / STEP_S) % 4 == 0:
                self._write(self._viewer.attend(self._unsent, self._now, self._in_flight))
            self._player.step(self._now, STEP_S)
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
                one = part(msn, index, rendition, size=self._size(rendition, msn, index))
                self._window.accept(one)
                made.append(one)
        return made

    def _size(self, rendition: Rendition, msn: int, index: int) -> int:
        size = size_of(rendition, index, self._independent_share)
        if self._random is None:
            return size
        if index == 0:
            self._busy = self._random.uniform(*BUSY)
        return max(200, int(size * self._busy * self._random.uniform(*UNLIKE)))

    def _look_late(self) -> None:
        """The page's own look at its line."""
        page, now = self._page, self._now
        if not self._line.reads(now):
            return
        stood_still, page.looked_at = now - page.looked_at > STOOD_STILL_S, now
        late_s = page.late_s(now)
        if late_s == 0 or stood_still or self._line.report_every_s is None or not self._line.reports_late:
            return
        page.late_since = now if page.late_since is None else page.late_since
        if now - page.late_reported_at >= LATE_AGAIN_S:
            self._send_report()
        if page.selected == self._ladder[-2].name:  # nothing smaller is to be had
            return
        if late_s >= GIVE_UP_S and page.selected_at < page.late_since and now - page.gave_up_at > GIVE_UP_AGAIN_S:
            self._give_up()

    def _give_up(self) -> None:
        page = self._page
        page.gave_up_at = page.selected_at = self._now
        page.selected = self._ladder[-2].name
        page.late_since = None
        self._player.give_up()
        self._outcome.given_up_at.append(self._now)
        self._messages.clear()
        self._arriving.clear()
        self._reports.clear()
        self._unconfirmed.clear()
        self._unconfirmed_bytes = self._transport = self._kernel = self._proxied = 0.0
        self._passed = self._written
        self._viewer, self._got = Viewer(), None
        self._opens_at = self._now + OPENING_S + 4 * self._line.delay_s

    def _open_again(self) -> None:
        if self._opens_at is None or self._now < self._opens_at:
            return
        self._opens_at = None
        self._viewer.choose((AUTO,), self._ladder[-2].name, is_given_up=True)
        self._viewer.adopt(self._programme)
        for one in self._viewer.start(self._window):
            self._offer(one)
        self._viewer.choose((AUTO,), self._most)

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
            self._viewer.passed_on(stream, simple, self._now)
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
        width = max(0.0, line.bps(self._now) - (line.sound_bps if line.sound else 0)) / 8 * STEP_S
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
            header, payload = unpack(message[{126: 4, 127: 10}.get(message[1], 2) :])
            said = _selected(message)
            if header.kind is Kind.GAP or (said is not None and (said.abandoned or not said.rendition)):
                self._player.give_up()
            if said is not None:
                self._outcome.told.append(Told(self._now, said.rendition, said.abandoned, said.why))
                self._page.selected_at, self._page.selected = self._now, said.rendition
                if not said.rendition:
                    self._page.forget()
            elif header.kind is Kind.PADDING and not payload:
                self._page.forget()
            elif header.kind is Kind.PADDING:
                took_s = max(0.001, self._now - self._page.part_at)
                self._page.carries_bps = round(len(message) * 8 / took_s)
                self._send_report()
            elif header.kind is Kind.PART:
                self._got = max(self._got or (0, 0), (header.msn, header.part))
                self._part_came((header.msn * PARTS + header.part + 1) * 0.2)
                self._player.take(header.msn * PARTS + header.part, self._now)
                name = self._ladder[header.rendition].name
                self._outcome.shown[name] = self._outcome.shown.get(name, 0.0) + 0.2

    def _report(self) -> None:
        line = self._line
        if line.report_every_s is not None and self._now >= self._report_at and line.reads(self._now):
            self._report_at = self._now + line.report_every_s
            self._send_report()
        while self._reports and self._reports[0][0] <= self._now:
            self._viewer.report(self._reports.popleft()[1], self._now)
            self._write(self._viewer.attend(self._unsent, self._now, self._in_flight))

    def _part_came(self, to: float) -> None:
        page, now = self._page, self._now
        page.arrived(to, now)
        if self._line.report_every_s is None or not self._line.reports_late:
            return
        late_s = page.late_s(now)
        if now - page.late_reported_at >= LATE_PART_S if late_s else page.late_since is not None:
            self._send_report()
        page.late_since = (now if page.late_since is None else page.late_since) if late_s else None

    def _send_report(self) -> None:
        if self._line.report_every_s is None or self._opens_at is not None:
            return
        page, now = self._page, self._now
        late_s = page.late_s(now) if self._line.reports_late else 0.0
        if late_s:
            page.late_reported_at = now
        comes_at = max(now + self._line.report_delay(now), self._reports[-1][0] if self._reports else 0.0)
        self._reports.append(
            (comes_at, Progress(0, 0, 0, self._got or (0, -1), round(late_s * 1000), page.carries_bps))
        )
        page.carries_bps = None

    def _judge(self) -> None:
        self._outcome.unsent_max = max(self._outcome.unsent_max, self._unsent)
        if self._viewer.farewell is not None:
            self._outcome.sent_away_at = self._now


def _selected(message: bytes) -> Selected | None:
    header, payload = unpack(message[{126: 4, 127: 10}.get(message[1], 2) :])
    return as_selected(payload) if header.kind is Kind.SELECTED else None
