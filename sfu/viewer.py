"""What one viewer of the push feed is sent, and what not. Rules only; the room writes what `offer` returns.

    wanted ──independent part──► flowing ──too much unsent, or a hole──► wanted again (GAP is sent on resuming)
                                    └──another choice of the same kind flows──► gone

A viewer is bounded by two signals: bytes written that the network has not taken, and the position that the player
reports (behind a proxy the first one stays small for long). Video skips first, audio goes on; who cannot follow at all
is told `bye`. Downshifting to a lower rendition is the selector's task, not done here.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from plenum.media import PART_S, SEGMENT_S, Programme, Rendition, RenditionKind
from plenum.wire import EVERYTHING, Bye, Flag, Header, Kind, Progress, pack
from sfu.frames import Frame, Position, websocket_prefix
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
    """Video skips when the player reports a picture so much older than what was sent."""
    report_valid_s: float = 3.0
    """An older report says nothing: a page in the background reports rarely."""


TOO_SLOW = Bye("too_slow", retry_ms=5_000)


class Stream:
    """One rendition as one viewer gets it."""

    __slots__ = ("flowing", "init_id", "is_video", "leaving", "position", "rendition")

    def __init__(self, rendition: Rendition) -> None:
        self.rendition = rendition
        self.is_video = rendition.kind is RenditionKind.VIDEO
        self.flowing = False
        self.leaving = False
        """Another of its kind was chosen; this one goes on until that one flows."""
        self.position: Position | None = None
        """The last part sent."""
        self.init_id: int | None = None
        """The init segment that was sent last."""

    def follows(self, position: Position, window: Window) -> bool:
        """Whether the part is the very next one of those that came."""
        if self.position is None:
            return False
        msn, index = self.position
        if position == (msn, index + 1):
            return True
        track = window.tracks.get(self.rendition.id)
        before = track.find(msn) if track else None
        return position == (msn + 1, 0) and (before is None or index + 1 >= len(before.parts))


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
        self._played: tuple[Position, float] | None = None
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

    def choose(self, names: Iterable[str]) -> None:
        """These renditions from now on. From one to another of its kind: at the next independent part."""
        self._names = tuple(names)
        self._resolve()

    def adopt(self, programme: Programme) -> None:
        """The programme changed: find the chosen names in it again."""
        if programme.renditions:  # a restarted origin that has none yet changes nothing
            self._programme = programme
            self._resolve()

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
        msn = window.start_msn(fresh)
        if msn is None:
            return []
        return sorted((part for number in fresh for part in window.tracks[number].since(msn)), key=_in_time)

    def report(self, progress: Progress, now: float) -> None:
        self._played = ((progress.msn, progress.part), now)

    def offer(self, part: Frame, window: Window, unsent: int, now: float) -> list[bytes]:
        """What to write for this part: nothing, the part, or what must come before it and the part."""
        stream = self._streams.get(part.header.rendition)
        if stream is None or self.farewell is not None:
            return []
        position = part.position
        if stream.position is not None and position <= stream.position:
            return []
        if unsent > self._gone_at:
            self.farewell = TOO_SLOW
            return []
        if stream.flowing and (not stream.follows(position, window) or self._must_skip(stream, unsent, now)):
            stream.flowing = False
            self.skips += stream.is_video
        if stream.flowing and part.header.init_id == stream.init_id:
            stream.position = position
            return [part.wire]
        return self._enter(stream, part, window, unsent, now)

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
        out: list[bytes] = []
        if not stream.flowing and stream.position is not None:
            out.append(gap(part.header))
        if stream.init_id != part.header.init_id:
            out.append(init.wire)
        stream.flowing, stream.init_id, stream.position = True, part.header.init_id, part.position
        self._settle(stream)
        return [*out, part.wire]

    def _must_skip(self, stream: Stream, unsent: int, now: float) -> bool:
        return stream.is_video and (unsent > self._skip_at or self._is_behind(stream.position, now))

    def _may_resume(self, stream: Stream, unsent: int, now: float) -> bool:
        if unsent > self._skip_at // 2:
            self._stuck_since = now if self._stuck_since is None else self._stuck_since
            if now - self._stuck_since >= self._limits.stuck_s:
                self.farewell = TOO_SLOW
            return False
        self._stuck_since = None
        return not self._is_behind(stream.position, now)

    def _is_behind(self, sent: Position | None, now: float) -> bool:
        if self._played is None or sent is None:
            return False
        (msn, index), at = self._played
        ahead_s = (sent[0] - msn) * SEGMENT_S + (sent[1] - index) * PART_S
        return now - at <= self._limits.report_valid_s and ahead_s > self._limits.behind_s

    def _settle(self, entered: Stream) -> None:
        """A chosen rendition flows: those of its kind that were to leave do so, once all chosen ones flow."""
        kin = [stream for stream in self._streams.values() if stream.is_video == entered.is_video]
        if all(stream.flowing or stream.leaving for stream in kin):
            for stream in kin:
                if stream.leaving:
                    del self._streams[stream.rendition.id]
            self._note_demand()

    def _resolve(self) -> None:
        if self._programme is not None:
            self._match(self._programme)
        self._note_demand()

    def _match(self, programme: Programme) -> None:
        """Streams for what is chosen, by the names of the programme."""
        everything = EVERYTHING in self._names
        wanted = {r.id: r for r in programme.renditions if everything or r.name in self._names}
        for number, rendition in wanted.items():
            stream = self._streams.get(number)
            if stream is None or stream.rendition.name != rendition.name:
                self._streams[number] = Stream(rendition)
            else:
                stream.rendition, stream.leaving = rendition, False
        for number in [number for number in self._streams if number not in wanted]:
            self._dismiss(number, wanted.values())
        self._set_bounds(wanted.values())

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


def gap(resumed_at: Header) -> bytes:
    """GAP: this rendition goes on with the part of this header; what lies before it was not sent."""
    message = pack(
        Header(
            Kind.GAP,
            rendition=resumed_at.rendition,
            init_id=resumed_at.init_id,
            epoch=resumed_at.epoch,
            msn=resumed_at.msn,
            part=resumed_at.part,
            start=resumed_at.start,
            wall_us=resumed_at.wall_us,
        )
    )
    return websocket_prefix(len(message)) + message


def _after(track: Track, position: Position) -> list[Frame] | None:
    return track.after(position) if track.segments else []


def _in_time(part: Frame) -> tuple[int, int, int]:
    return part.header.msn, part.header.wall_us, part.header.rendition
