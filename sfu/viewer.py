"""What one viewer of the push feed is sent, and what not. Rules only; the room writes what `offer` returns.

    wanted ──independent part──► flowing ──too much unsent, or a hole──► wanted again (GAP is sent on resuming)
                                    └──another choice of the same kind flows──► gone

A viewer is bounded by two signals: bytes written that the network has not taken, and what it reports to have received
(behind a proxy the first one stays small for long). Where it named its picture, that skips first and the sound goes on;
where it left the choice to us (`AUTO`), another picture is chosen (`picture.py`). Who cannot follow at all is told `bye`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from plenum.media import PART_S, SEGMENT_S, Programme, Rendition, RenditionKind
from plenum.wire import AUTO, EVERYTHING, Bye, Flag, Progress
from sfu.frames import Frame, Position
from sfu.lateness import FLOOR_BYTES
from sfu.line import Line
from sfu.picture import Picture
from sfu.selector import Choice
from sfu.stream import Passing, Stream
from sfu.window import Track, Window


class Limits(msgspec.Struct, frozen=True):
    """When a viewer is too slow."""

    unsent_s: float = 4.0
    """Video skips when so much of the chosen renditions waits to be sent …"""
    unsent_min: int = 256 * 1024
    unsent_max: int = 1536 * 1024
    """… within these bounds in bytes. At twice that (and 2 MiB) the viewer is sent away."""
    gone_max: int = 2 * 1024 * 1024
    stuck_s: float = 10.0
    """Sent away when video could not go on for so long because of unsent bytes."""
    behind_s: float = 6.0
    """Video skips when so much more was sent than the player reports to have (or, where it does not say that, to show)."""
    report_valid_s: float = 3.0
    """An older report says nothing: a page in the background reports rarely."""
    nothing_s: float = 12.0
    """Of a viewer of `auto` nothing got through for so long: sent away …"""
    undrained_s: float = 15.0
    """… as is one without a picture, when what was sent before still waits after so long."""


TOO_SLOW = Bye("too_slow", retry_ms=5_000)
MOST_PASSED = 64
"""So many parts are passed on before they are noted, where no report comes in between: six seconds."""
REPORT_EVERY_S = 3.0
"""What is judged by one report must hold until the next: at most so much more is sent meanwhile."""


class Viewer:
    """One viewer's choice of renditions, and where each of them stands."""

    def __init__(self, limits: Limits | None = None, *, is_edge: bool = False) -> None:
        """An edge takes several renditions of a kind, each for viewers of its own: none gives way to another."""
        self._limits = limits or Limits()
        self._is_edge = is_edge
        self._names: tuple[str, ...] = ()
        self._programme: Programme | None = None
        self._streams: dict[int, Stream] = {}
        self._skip_at = self._limits.unsent_min
        self._gone_at = 2 * self._limits.unsent_min
        self._stuck_since: float | None = None
        self._line = Line()
        self._picture: Picture | None = None
        self._most = ""
        self._undrained_since: float | None = None
        self._played: tuple[Position, float] | None = None
        self._is_doubted = False
        self._passed: list[tuple[Stream, Passing, float]] = []
        """Written unasked since anything was asked here: noted together, since nobody looks at it before."""
        self.demand: frozenset[str] = frozenset()
        """Names of the renditions that this viewer is sent or waits for. The same object as long as they are the same."""
        self.skips = 0
        self.farewell: Bye | None = None
        """Set once: the viewer is to be told this and closed."""

    @property
    def shown(self) -> str:
        """Name of the picture that was chosen; none: "" (and of an edge, which shows none)."""
        return next((s.rendition.name for s in self._streams.values() if s.is_video and not s.leaving), "")

    @property
    def renditions(self) -> list[int]:
        return list(self._streams)

    @property
    def streams(self) -> Mapping[int, Stream]:
        """By number; the same object for the viewer's life."""
        return self._streams

    @property
    def picture(self) -> Picture | None:
        """Where the choice was left to us."""
        return self._picture

    @property
    def waits(self) -> bool:
        """Something may be sent, or decided, before the next part comes: `attend` soon."""
        picture = self._picture
        if picture is None or self.farewell is not None:
            return False
        return picture.waits or self._is_starved

    @property
    def _is_starved(self) -> bool:
        return (
            not any(stream.is_video and stream.flowing for stream in self._streams.values()) and self._line.unsent > 0
        )

    def takes(self, rendition: int) -> bool:
        """Whether parts of this rendition matter here."""
        return rendition in self._streams

    def choose(self, names: Iterable[str], most: str = "", *, begin: str = "", is_given_up: bool = False) -> None:
        """These renditions from now on. From one to another of its kind: at the next independent part.

        `begin`: with AUTO the first choice, of somebody who has just had it on this line.
        """
        self._note_passed()
        first = not self._names
        self._names, self._most = tuple(names), most
        if AUTO not in self._names:
            self._leave_choice()
        elif self._picture is None and not self._is_edge:  # an edge has no line that a picture is chosen for
            self._picture = Picture(self._line, len(self._names) > 1)
            self._picture.is_given_up = is_given_up
            self._picture.selector.begins = begin
        self._resolve("start" if first else "asked")

    def adopt(self, programme: Programme) -> None:
        """The programme changed: find the chosen names in it again."""
        self._note_passed()
        if programme.renditions:  # a restarted origin that has none yet changes nothing
            self._programme = programme
            self._resolve("start")

    def resume(self, position: Position, window: Window) -> list[Frame]:
        """What follows this position, in order; the current segment where that is not held, or more than one may miss.

        Where nothing is held of a rendition (this edge has only begun with it) it goes on as soon as its next part comes.
        """
        fresh = {n: s for n, s in self._streams.items() if n in window.tracks and s.position is None and not s.flowing}
        missed = {number: _after(window.tracks[number], position) for number in fresh}
        size = sum(len(part.wire) for parts in missed.values() for part in parts or ())
        current = window.start_msn(fresh) or 0
        frames: list[Frame] = []
        for number, stream in fresh.items():
            after = missed[number] if size <= self._skip_at else None
            stream.flowing = after is not None
            if stream.flowing or position < (current, 0):
                stream.position = position
            frames += window.tracks[number].since(current) if after is None else after
        return sorted(frames, key=_in_time)

    def start(self, window: Window) -> list[Frame]:
        """The current segment of every rendition that is to appear, not to replace one that flows; in order."""
        flowing = {stream.is_video for stream in self._streams.values() if stream.flowing and not self._is_edge}
        # The window may already be one programme ahead of what this viewer was told.
        held = {number: stream for number, stream in self._streams.items() if number in window.tracks}
        fresh = [n for n, s in held.items() if s.position is None and s.is_video not in flowing]
        if self._picture is not None and self._picture.is_given_up:  # begins where it is not late at once
            fresh = [number for number in fresh if not held[number].is_video]
        msn = window.start_msn(fresh)
        if msn is None:
            return []
        return sorted((part for number in fresh for part in window.tracks[number].since(msn)), key=_in_time)

    def report(self, progress: Progress, now: float) -> bool:
        """What the viewer says of itself; whether anything is to be thought about then: `attend`."""
        self._note_passed()
        self._played = ((progress.msn, progress.part), now)
        if progress.got is not None:
            self._line.report(progress.got, now, progress.late_ms / 1000)
        elif self._picture is not None:  # what it plays it has received; before the first part: nothing
            self._line.report((progress.msn, progress.part), now)
        if self._picture is not None and self._line.behind_s is not None:
            if progress.carries_bps is not None and progress.carries_bps > 0:
                self._line.timed(progress.carries_bps)
            self._picture.selector.reported(self._line.behind_s + self._picture.held_s, now)
            if progress.late_ms > 0 and self._line.behind_s == 0 and not self._picture.holds:
                self._picture.say_idle()
        self._is_doubted = self._is_slow(now)
        may_pass = self._picture is None or self._picture.may_pass(now)
        if self._is_doubted or not may_pass:
            self._ask_again()
        return not may_pass

    def _ask_again(self) -> None:
        """Of no rendition the next part is passed on without asking here."""
        for stream in self._streams.values():
            stream.passed = None

    def passed_on(self, stream: Stream, passing: Passing, now: float) -> None:
        """The part was written to this viewer by `Client.pass_on`, on a line that had taken all before it."""
        stream.passed = passing.part
        self._passed.append((stream, passing, now))
        if len(self._passed) >= MOST_PASSED:
            self._note_passed()

    def _note_passed(self) -> None:
        """What offering those parts one by one would have noted."""
        if not self._passed:
            return
        passed, self._passed = self._passed, []
        picture_s, idle_at, since = 0.0, 0.0, 0
        for stream, passing, now in passed:
            stream.position = passing.position
            self._line.wrote(passing.size, passing.position, passing.picture_s)
            since += passing.size
            if self._picture is not None and stream.is_video:
                self._picture.passed(passing)
                picture_s, idle_at, since = picture_s + passing.picture_s, now, passing.size
        if self._picture is not None and picture_s:
            self._picture.selector.passed(picture_s, idle_at)
            self._line.was_idle(idle_at, since)

    def attend(self, unsent: int, now: float, in_flight: int = 0) -> list[bytes]:
        """Between parts, where the choice is ours: what there is room for now, and whether it is still the right one."""
        self._note_passed()
        if self._picture is None or self.farewell is not None:
            return []
        self._look(self._picture, unsent, in_flight, False, now)
        return self._picture.release(unsent, now)

    def offer(self, part: Frame, window: Window, unsent: int, now: float, in_flight: int = 0) -> list[bytes]:
        """What to write for this part: nothing, the part, or what must come before it and the part.

        `unsent` is what waits in our transport, `in_flight` what the kernel was given and the other end has not confirmed.
        """
        self._note_passed()
        stream = self._streams.get(part.header.rendition)
        if stream is None or self.farewell is not None:
            return []
        position = part.position
        if stream.position is not None and position <= stream.position:
            return []
        stream.passed = None
        if unsent > self._gone_at:
            self.farewell = TOO_SLOW
            return []
        if stream.is_video and self._picture is not None:
            return self._offer_picture(self._picture, stream, part, window, unsent, in_flight, now)
        if stream.flowing and (not stream.follows(position, window) or self._must_skip(stream, unsent, now)):
            stream.flowing = False
            self.skips += stream.is_video
        if stream.flowing and part.header.init_id == stream.init_id:
            stream.position = position
            out = [part.wire]
        else:
            out = self._enter(stream, part, window, unsent, now)
        if out:
            self._line.wrote(sum(map(len, out)), position, stream.seconds_of(part) if stream.is_video else 0.0)
            stream.passed = None if self._is_doubted else part
        return out

    def _offer_picture(
        self, picture: Picture, stream: Stream, part: Frame, window: Window, unsent: int, in_flight: int, now: float
    ) -> list[bytes]:
        """The same for a picture that was chosen here: it may be held for a while, or thrown away."""
        self._look(picture, unsent, in_flight, stream.flowing, now)
        if self._streams.get(stream.rendition.id) is stream:  # not abandoned just now
            self._put(picture, stream, part, window, now)
        out = picture.release(unsent, now)
        if stream.position == part.position and not self._is_doubted and picture.may_pass(now):
            stream.passed = part
        return out

    def _put(self, picture: Picture, stream: Stream, part: Frame, window: Window, now: float) -> None:
        if stream.flowing and not stream.follows(part.position, window):
            stream.flowing = False
        if stream.flowing and not stream.leaving and picture.skips_to(part, now):  # with what had to come before it
            stream.flowing, stream.position, stream.init_id = False, picture.position, None
            self.skips += 1
        for one in [part] if stream.flowing else picture.first_parts(stream, part, window, now):
            init = window.init(stream.rendition.id, one.header.init_id)
            if init is not None:
                picture.hold(stream, one, stream.enter(one, init, window), now)
                self._settle(stream)

    def _look(self, picture: Picture, unsent: int, in_flight: int, is_due: bool, now: float) -> None:
        """Choose, or say farewell to somebody whom nothing reaches."""
        position = max((s.position for s in self._streams.values() if s.flowing and s.position), default=None)
        choice = picture.look(unsent, in_flight, position, is_due, now)
        if choice is not None:
            self._apply(picture, choice)
        if not picture.selector.is_off or self._line.unsent <= FLOOR_BYTES:
            self._undrained_since = None
        elif self._undrained_since is None:
            self._undrained_since = now
        undrained_s = now - self._undrained_since if self._undrained_since is not None else 0.0
        if self._line.stuck_s(now) >= self._limits.nothing_s or undrained_s >= self._limits.undrained_s:
            self.farewell = TOO_SLOW

    def _apply(self, picture: Picture, choice: Choice) -> None:
        """Another picture from now on; one that is abandoned stops here."""
        self._ask_again()
        if choice.abandoned:
            for number in [number for number, stream in self._streams.items() if stream.is_video]:
                del self._streams[number]
        picture.tell(choice)
        if self._programme is not None:
            self._match(self._programme)
        self._note_demand()

    def _leave_choice(self) -> None:
        """The viewer names its picture itself: what is held goes, and the stream that it belonged to starts anew."""
        picture, self._picture = self._picture, None
        if picture is not None and picture.holds:
            for stream in self._streams.values():
                if stream.is_video:
                    stream.flowing, stream.init_id = False, None

    def _enter(self, stream: Stream, part: Frame, window: Window, unsent: int, now: float) -> list[bytes]:
        """Start, or go on after a skip, at an independent part."""
        if not stream.flowing:
            if Flag.INDEPENDENT not in part.header.flags:
                return []
            if stream.is_video and not self._may_resume(stream, unsent, now):
                return []
        init = window.init(stream.rendition.id, part.header.init_id)
        if init is None:
            return []
        out = stream.enter(part, init, window)
        self._settle(stream)
        return out

    def _must_skip(self, stream: Stream, unsent: int, now: float) -> bool:
        waits = unsent > self._skip_at or self._line.outstanding(now) > self._skip_at
        return stream.is_video and (waits or self._is_behind(stream.position, now))

    def _may_resume(self, stream: Stream, unsent: int, now: float) -> bool:
        if max(unsent, self._line.outstanding(now)) > self._skip_at // 2:
            self._stuck_since = now if self._stuck_since is None else self._stuck_since
            if now - self._stuck_since >= self._limits.stuck_s:
                self.farewell = TOO_SLOW
            return False
        self._stuck_since = None
        return not self._is_behind(stream.position, now)

    def _is_slow(self, now: float) -> bool:
        """By this report: each part is to be thought about until a better one comes."""
        sent = max((stream.position for stream in self._streams.values() if stream.position), default=None)
        return self._line.outstanding(now) > self._skip_at // 2 or self._is_behind(sent, now, REPORT_EVERY_S)

    def _is_behind(self, sent: Position | None, now: float, spare_s: float = 0.0) -> bool:
        most_s = self._limits.behind_s - spare_s
        if self._line.is_fresh(now) and self._line.behind_s is not None:
            return self._line.behind_s > most_s
        if self._played is None or sent is None:
            return False
        (msn, index), at = self._played
        if now - at > self._limits.report_valid_s:
            return False
        return (sent[0] - msn) * SEGMENT_S + (sent[1] - index) * PART_S > most_s

    def _settle(self, entered: Stream) -> None:
        """A chosen rendition flows: those of its kind that were to leave do so, once all chosen ones flow."""
        kin = [stream for stream in self._streams.values() if stream.is_video == entered.is_video]
        if all(stream.flowing or stream.leaving for stream in kin):
            for stream in kin:
                if stream.leaving:
                    del self._streams[stream.rendition.id]
            self._note_demand()

    def _resolve(self, why: str) -> None:
        self._ask_again()
        if self._programme is not None:
            choice = self._picture.ladder(self._programme, self._most, why) if self._picture is not None else None
            if choice is not None and self._picture is not None:
                self._picture.tell(choice)
            self._match(self._programme)
        self._note_demand()

    def _match(self, programme: Programme) -> None:
        """Streams for what is chosen, by the names of the programme."""
        wanted = {r.id: r for r in programme.renditions if self._is_wanted(r)}
        for number, rendition in wanted.items():
            stream = self._streams.get(number)
            if stream is None or stream.rendition.name != rendition.name:
                self._streams[number] = self._fresh(rendition)
            else:
                stream.rendition, stream.leaving = rendition, False
        for number in [number for number in self._streams if number not in wanted]:
            self._dismiss(number, wanted.values())
        self._set_bounds(wanted.values())

    def _is_wanted(self, rendition: Rendition) -> bool:
        if self._picture is not None and rendition.kind is RenditionKind.VIDEO:
            return rendition.name == self._picture.selector.name
        return rendition.name in self._names or EVERYTHING in self._names

    def _fresh(self, rendition: Rendition) -> Stream:
        stream = Stream(rendition)
        if (
            stream.is_video
            and self._picture is not None
            and not any(s.flowing for s in self._streams.values() if s.is_video)
        ):
            stream.position = (
                self._picture.position
            )  # nothing of the past is sent again after a picture that was stopped
        return stream

    def _dismiss(self, number: int, wanted: Iterable[Rendition]) -> None:
        stream = self._streams[number]
        in_programme = self._programme is not None and any(r.id == number for r in self._programme.renditions)
        replaced = not self._is_edge and any(r.kind is stream.rendition.kind for r in wanted)
        if stream.flowing and in_programme and replaced:
            stream.leaving = True
        else:
            del self._streams[number]

    def _note_demand(self) -> None:
        needed = frozenset(stream.rendition.name for stream in self._streams.values())
        if needed != self.demand:
            self.demand = needed

    def _set_bounds(self, wanted: Iterable[Rendition]) -> None:
        limits = self._limits
        bytes_s = sum(rendition.bitrate_bps for rendition in wanted) / 8
        self._skip_at = int(min(max(limits.unsent_min, limits.unsent_s * bytes_s), limits.unsent_max))
        self._gone_at = min(2 * self._skip_at, limits.gone_max)


def _after(track: Track, position: Position) -> list[Frame] | None:
    return track.after(position) if track.segments else []


def _in_time(part: Frame) -> tuple[int, int, int]:
    return part.header.msn, part.header.wall_us, part.header.rendition
