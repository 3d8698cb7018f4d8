"""Follows a live programme as the strictest of players: every rendition, part by part with blocking reloads and delta
updates, every byte of it, and all rules on the way.

Knows no sockets: it is handed a `fetch` and a clock. `tests/sfu/llhls_check.py` runs it as a program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from tests.sfu.conformance.media import KEPT_SEGMENTS, STARTS, Reel, Starts
from tests.sfu.conformance.media_playlist import MEDIA
from tests.sfu.conformance.multivariant import (
    MULTIVARIANT,
    PRESENTATION,
    Multivariant,
    Presentation,
    read_multivariant,
)
from tests.sfu.conformance.playlist import Playlist, Segment, apply_delta, read
from tests.sfu.conformance.rules import Rule, Tally
from tests.sfu.conformance.server import PATIENCE_S, SERVER, Answer, Fetch, Site, judge_server
from tests.sfu.conformance.succession import DELTA, SUCCESSION, Delta, Update

WHOLE_EVERY = 20
"""After so many delta updates the whole playlist is fetched beside one, to compare."""
RETRY_S = 1.0

Faults = Iterator[str]


class NothingToFollow(Exception):
    """There is no multivariant playlist at the address, or no media playlist behind it; the message says which."""


@dataclass(frozen=True)
class Fetched:
    """An address that a playlist gave."""

    address: str
    answer: Answer


@dataclass(frozen=True)
class Reload:
    """A blocking reload that was answered."""

    asked: tuple[int, int]
    got: Playlist


@dataclass(frozen=True)
class Taken:
    """How a segment came: by its parts, as a whole only, or not at all."""

    segment: Segment
    missed: int


def address_is_answered(f: Fetched) -> Faults:
    if f.answer.status != 200 or not f.answer.body:
        yield f"{f.answer.status}, {len(f.answer.body)} bytes for {f.address}"


def reload_holds_what_was_asked(r: Reload) -> Faults:
    if not r.got.ended and r.got.edge < r.asked:
        yield f"asked for {r.asked}, got a playlist up to {r.got.edge}"


def segment_stays_after_it_left(f: Fetched) -> Faults:
    if f.answer.status != 200:
        yield f"{f.answer.status} for {f.address}, which has just left the playlist"


def programme_has_no_hole(t: Taken) -> Faults:
    if t.segment.gap:
        yield f"segment {t.segment.msn} is a gap of {t.segment.duration} s"
    elif t.missed:
        yield f"{t.missed} segments before {t.segment.msn} were never listed to a client that kept up"


FETCHED: tuple[Rule[Fetched], ...] = (Rule("6.2.1", address_is_answered),)
RELOAD: tuple[Rule[Reload], ...] = (Rule("6.2.5.2", reload_holds_what_was_asked),)
LEFT: tuple[Rule[Fetched], ...] = (Rule("6.2.2", segment_stays_after_it_left),)
TAKEN: tuple[Rule[Taken], ...] = (Rule("DESIGN.md 3", programme_has_no_hole),)


@dataclass
class Counts:
    """What went by."""

    parts: int = 0
    segments: int = 0
    discontinuities: int = 0
    bytes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.parts} parts, {self.segments} segments, {self.discontinuities} discontinuities,"
            f" {self.bytes / 1e6:.1f} MB"
        )


class Follower:
    """All renditions of one programme, side by side."""

    def __init__(self, fetch: Fetch, index: str, clock: Callable[[], float], *, asks_the_server: bool = True) -> None:
        """`asks_the_server`: the rules of its behaviour too, once, beside following it."""
        self._asks_the_server = asks_the_server
        self.tally = Tally()
        self.counts = Counts()
        self._fetch = fetch
        self._index = index
        self._clock = clock
        self._tracks: dict[str, Track] = {}
        self._compared = -1

    async def run(self, seconds: float, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Follow for so long, or to the end of the programme. Raises NothingToFollow."""
        multivariant = await self._multivariant()
        until = self._clock() + seconds
        self._tracks = {
            uri: Track(self, urljoin(self._index, uri), Reel(self.tally, multivariant.variant(uri)), until, pause)
            for uri in multivariant.uris
        }
        for track in self._tracks.values():
            await track.begin()
        async with asyncio.TaskGroup() as tasks:
            if self._asks_the_server:
                tasks.create_task(self._ask_the_server(next(iter(self._tracks.values())).address))
            for track in self._tracks.values():
                tasks.create_task(track.follow())
        if not all(track.held.ended for track in self._tracks.values()):
            await self._multivariant()

    async def get(self, address: str) -> Answer:
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._fetch(address, {"Accept-Encoding": "gzip"})
        except TimeoutError:
            answer = Answer(0, {})
        self.counts.bytes += len(answer.body)
        return answer

    def now(self) -> float:
        return self._clock()

    def beside(self) -> None:
        """A segment has ended somewhere: hold the renditions against one another."""
        self.tally.judge(PRESENTATION, Presentation({uri: track.held for uri, track in self._tracks.items()}))
        starts = [track.reel.starts for track in self._tracks.values()]
        for msn in sorted(set.intersection(*map(set, starts))):
            if msn > self._compared:
                self._compared = msn
                together = {uri: track.reel.starts[msn] for uri, track in self._tracks.items()}
                self.tally.judge(STARTS, Starts(msn, together))

    async def _multivariant(self) -> Multivariant:
        answer = await self.get(self._index)
        if answer.status != 200:
            raise NothingToFollow(f"{answer.status or 'no answer'} for {self._index}")
        multivariant = read_multivariant(answer.text)
        self.tally.judge(MULTIVARIANT, multivariant)
        return multivariant

    async def _ask_the_server(self, address: str) -> None:
        self.tally.count(SERVER, await judge_server(SERVER, Site(self._fetch, self._index, address)))


class Track:
    """One rendition."""

    held: Playlist

    def __init__(
        self, follower: Follower, address: str, reel: Reel, until: float, pause: Callable[[float], Awaitable[None]]
    ) -> None:
        self.address = address
        self.reel = reel
        self._follower = follower
        self._tally = follower.tally
        self._counts = follower.counts
        self._until = until
        self._pause = pause
        self._taken = (-1, -1)
        self._whole = -1
        self._first_seen: dict[int, float] = {}
        self._longest = 0.0
        self._segment_at = 0.0
        self._updates = 0

    async def begin(self) -> None:
        """The first playlist. Raises NothingToFollow."""
        answer = await self._follower.get(self.address)
        if answer.status != 200:
            raise NothingToFollow(f"{answer.status or 'no answer'} for {self.address}")
        self.held = read(answer.text)
        self._tally.judge(MEDIA, self.held)
        listed = [segment for segment in self.held.listed if segment.parts]
        if not listed:
            raise NothingToFollow(f"no parts in {self.address}")
        # What was there before us is taken as it is: from the first segment whose parts are listed.
        self._taken, self._whole = (listed[0].msn - 1, 0), listed[0].msn - 1
        self._segment_at, self._longest = self._follower.now(), self.held.duration

    async def follow(self) -> None:
        await self._take(self.held)
        while not self.held.ended and self._follower.now() < self._until:
            msn, part = self.held.next
            address = f"{self.address}?_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES"
            answer = await self._follower.get(address)
            self._tally.judge(FETCHED, Fetched(address, answer))
            if answer.status != 200:
                await self._pause(RETRY_S)
                continue
            await self._update((msn, part), read(answer.text))

    async def _update(self, asked: tuple[int, int], delta: Playlist) -> None:
        self._tally.judge(MEDIA, delta)
        self._tally.judge(RELOAD, Reload(asked, delta))
        after = await self._made_whole(delta)
        before, now = self.held, self._follower.now()
        self._tally.judge(SUCCESSION, Update(before, after, now - self._segment_at))
        self.held = after
        ended_one = after.segments[-1:] != before.segments[-1:]
        if ended_one:
            self._segment_at, self._longest = now, max(self._longest, after.duration)
            known = {segment.msn for segment in before.segments}
            self._first_seen |= {each.msn: now for each in after.segments if each.msn not in known}
        await self._take(after)
        await self._look_for_what_left(before, after)
        if ended_one:
            self._follower.beside()

    async def _made_whole(self, delta: Playlist) -> Playlist:
        self._updates += 1
        whole = None
        if self._updates % WHOLE_EVERY == 0:
            other = read((await self._follower.get(self.address)).text)
            whole = other if (other.edge, other.sequence) == (delta.edge, delta.sequence) else None
        # Only what could be asked counts as asked: the second rule needs the whole playlist.
        self._tally.judge(DELTA if whole else DELTA[:1], Delta(self.held, delta, whole))
        try:
            return apply_delta(self.held, delta)
        except ValueError:
            return read((await self._follower.get(self.address)).text)

    async def _take(self, p: Playlist) -> None:
        """Fetch what is new: init segments, parts, and each segment once it is whole."""
        for segment in p.listed:
            if segment.msn > self._whole and await self._has_init(segment):
                await self._take_parts(segment)
                if segment is not p.open:
                    await self._take_segment(segment)

    async def _has_init(self, segment: Segment) -> bool:
        if not self.reel.has_init(segment.map_uri):
            answer = await self._fetch(segment.map_uri)
            if answer.status == 200:
                self.reel.take_init(segment.map_uri, answer.body)
        return self.reel.has_init(segment.map_uri)

    async def _take_parts(self, segment: Segment) -> None:
        for index, part in enumerate(segment.parts):
            if (segment.msn, index) > self._taken and not part.gap:
                answer = await self._fetch(part.uri)
                self._taken = (segment.msn, index)
                if answer.status == 200:
                    self._counts.parts += 1
                    self.reel.take_part(segment, index, answer.body)

    async def _take_segment(self, segment: Segment) -> None:
        self._tally.judge(TAKEN, Taken(segment, segment.msn - self._whole - 1))
        self._whole = segment.msn
        self._counts.segments += 1
        self._counts.discontinuities += segment.discontinuity
        if not segment.gap:
            answer = await self._fetch(segment.uri)
            if answer.status == 200:
                self.reel.take_segment(segment, answer.body)

    async def _look_for_what_left(self, before: Playlist, after: Playlist) -> None:
        """6.2.2: a segment stays for its own and the longest playlist's duration from when it was first listed."""
        for segment in before.segments:
            seen = self._first_seen.get(segment.msn)
            due = seen is not None and self._follower.now() < seen + segment.duration + self._longest
            if segment.msn < after.sequence and due and not segment.gap:
                answer = await self._follower.get(urljoin(self.address, segment.uri))
                self._tally.judge(LEFT, Fetched(segment.uri, answer))
        self._first_seen.pop(after.sequence - KEPT_SEGMENTS, None)

    async def _fetch(self, uri: str) -> Answer:
        address = urljoin(self.address, uri)
        answer = await self._follower.get(address)
        self._tally.judge(FETCHED, Fetched(address, answer))
        return answer
