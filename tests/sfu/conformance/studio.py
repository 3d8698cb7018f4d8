"""A whole live site without sockets and without time: a request that must wait moves the programme on until it need not.

The rules of what is served are the product's (`sfu.window`, `sfu.playlist`, `sfu.directives`); the HTTP around them is this
file's, so that tests can put a fault into any answer.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from plenum.errors import BadInput
from plenum.media import Programme, RenditionKind
from plenum.wire import pack_end, pack_programme
from sfu import directives, playlist
from sfu.frames import frame
from sfu.window import Track, Window
from tests.sfu.conformance.server import Answer, Fetch
from tests.sfu.feed_media import Film

BASE = "http://site/live/town-hall/key/"
INDEX = BASE + "index.m3u8"
ADDRESS = BASE + "360p/media.m3u8"
OTHERS_TURNS = 40
"""Rounds of the event loop: each of the others needs a few to fetch a part, its segment and a playlist."""
_NAME = re.compile(r"(?:init-(?P<init>\d+)\.mp4|(?P<msn>\d+)(?:\.(?P<part>\d+))?\.m4s)")


class Studio:
    """The film told message by message, and what a front answers at each moment of it."""

    def __init__(self, programme: Programme, film: Film, told: int = 3) -> None:
        self.window = Window()
        self.window.accept(frame(pack_programme(programme)))
        for message in film.inits():
            self.window.accept(frame(message))
        self._messages: Iterator[bytes] = (message for msn in range(film.length) for message in film.parts(msn))
        self._part_s = programme.part_s
        self.now = 0.0
        """Seconds of the programme that were told; a clock for who follows it."""
        while (self._any.last_closed or -1) < told - 1:
            self._tell()

    @property
    def _any(self) -> Track:
        return next(iter(self.window.tracks.values()))

    def clock(self) -> float:
        return self.now

    def end(self) -> None:
        self.window.accept(frame(pack_end(1)))

    async def fetch(self, address: str, headers: Mapping[str, str]) -> Answer:
        await asyncio.sleep(0)
        url = urlsplit(address)
        path, query = url.path.removeprefix(urlsplit(BASE).path), dict(parse_qsl(url.query))
        if path == "index.m3u8":
            return self._text(headers, playlist.multivariant((t.rendition for t in self.window.tracks.values()), {}), 1)
        name, _, file = path.partition("/")
        track = self.window.track(name)
        if track is None:
            return _refusal(404)
        if file == "media.m3u8":
            return await self._media(track, query, headers)
        return await self._piece(track, file)

    def _tell(self) -> bool:
        """One message more; False at the end, which is told then."""
        message = next(self._messages, None)
        if message is None:
            self.end()
            return False
        heard = frame(message)
        self.window.accept(heard)
        if heard.header.rendition == 0:
            self.now += heard.header.duration / 90_000
        return True

    async def _until(self, ready: Callable[[], bool]) -> None:
        """Move on until it is ready, each time after everybody else has had the time to fetch what is new."""
        while not self.window.ended and not ready():
            for _ in range(OTHERS_TURNS):
                await asyncio.sleep(0)
            if not ready():
                self._tell()

    async def _media(self, track: Track, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        try:
            asked = directives.parse(query)
            if not self.window.ended:
                directives.check_ahead(asked, track, self._part_s)
        except BadInput:
            return _refusal(400)
        await self._until(lambda: directives.satisfied(asked, track))
        others = [other for other in self.window.tracks.values() if other is not track and other.position]
        reports = [(other.rendition.name, other.position or (0, 0)) for other in others]
        text = playlist.media(track, reports, self._part_s, skip=asked.skip, ended=self.window.ended)
        return self._text(headers, text, 12 if asked.msn is not None else 1)

    async def _piece(self, track: Track, file: str) -> Answer:
        named = _NAME.fullmatch(file)
        if named is None:
            return _refusal(404)
        if named["init"]:
            return _bytes(track, bytes(track.inits[int(named["init"])].payload))
        msn, part = int(named["msn"]), named["part"]
        if part is None:
            segment = track.find(msn)
            whole = segment is not None and segment.closed and not segment.gap
            return _bytes(track, b"".join(p.payload for p in segment.parts)) if segment and whole else _refusal(404)
        if (msn, int(part)) == track.next_position:
            await self._until(lambda: directives.reached(track.position, (msn, int(part))))
        held = track.part((msn, int(part)))
        return _bytes(track, bytes(held.payload)) if held else _refusal(404)

    def _text(self, headers: Mapping[str, str], text: str, kept_s: int) -> Answer:
        named = _headers("application/vnd.apple.mpegurl", kept_s) | {"vary": "Accept-Encoding"}
        if re.fullmatch(r"gzip(, deflate, br)?", headers.get("Accept-Encoding", "")):
            return Answer(200, named | {"content-encoding": "gzip"}, gzip.compress(text.encode()))
        return Answer(200, named, text.encode())


def _headers(kind: str, kept_s: int) -> dict[str, str]:
    return {"content-type": kind, "cache-control": f"public, max-age={kept_s}", "access-control-allow-origin": "*"}


def _bytes(track: Track, body: bytes) -> Answer:
    kind = "audio/mp4" if track.rendition.kind is RenditionKind.AUDIO else "video/mp4"
    return Answer(200, _headers(kind, 3600), body)


def _refusal(status: int) -> Answer:
    return Answer(status, _headers("application/problem+json", 0) | {"cache-control": "no-store"}, b"{}")


Change = Callable[[str, Answer], Answer]
"""(address, the right answer) -> the wrong one."""


def with_fault(studio: Studio, change: Change) -> Fetch:
    async def fetch(address: str, headers: Mapping[str, str]) -> Answer:
        return change(address, await studio.fetch(address, headers))

    return fetch
