"""LL-HLS over HTTP: playlists with blocking reload, init segments, segments and parts, for players that pull.

Everything is looked up in memory by names that the routes' expressions let through; no address ever becomes a path. The
event's delivery key in the address is the only credential, so that caches and foreign players work: any origin may read
(CORS `*`, no cookies looked at). Section numbers are those of draft-pantos-hls-rfc8216bis.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping, Sequence
from weakref import WeakKeyDictionary

from aiohttp import hdrs, web

from plenum.errors import NotFound, PlenumError, Unavailable
from plenum.media import PART_S, ProgrammeState, RenditionKind
from sfu import directives, measures, playlist
from sfu.pull import Answer, Pull, preflight
from sfu.relay import Relay, Relays
from sfu.window import Track, Window

BASE = "/live/{event:[a-z0-9-]{1,48}}/{key:[0-9a-f]{32}}"
RENDITION = BASE + "/{rendition:[a-z0-9]{1,16}}"
COLD_S = 5.0
"""How long the very first request waits for upstream to say what there is."""
_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=([0-9.]{1,5}))?\s*(?:,|$)", re.IGNORECASE)
PLAYLIST = "application/vnd.apple.mpegurl"
FOREVER = "public, max-age=3600, immutable"
"""Parts, segments and init segments never change under their address; the key in it changes every few hours."""
FRESH = "public, max-age=1"
"""A segment of which parts are missing here: another edge may have it whole."""


class Rendered:
    """A playlist's text, encoded once for everybody, compressed when first asked for so."""

    def __init__(self, text: str) -> None:
        self.plain = text.encode()
        self._gzip: bytes | None = None

    @property
    def gzip(self) -> bytes:
        if self._gzip is None:
            self._gzip = gzip.compress(self.plain, compresslevel=6, mtime=0)
        return self._gzip


Version = tuple[object, ...]


class Shelf:
    """The newest text of each playlist of one event."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, bool], tuple[Version, Rendered]] = {}

    def get(self, name: str, skip: bool, version: Version, render: Callable[[], str]) -> Rendered:
        """The text of this version, made if it is not the one at hand."""
        held = self._texts.get((name, skip))
        if held is None or held[0] != version:
            held = (version, Rendered(render()))
            self._texts[name, skip] = held
        return held[1]


class Hls:
    """The pull side of one front."""

    def __init__(self, relays: Relays, pull: Pull) -> None:
        self._relays = relays
        self._pull = pull
        self._shelves: WeakKeyDictionary[Relay, Shelf] = WeakKeyDictionary()

    def routes(self) -> list[web.RouteDef]:
        addresses = {
            BASE + "/index.m3u8": self.index,
            RENDITION + "/media.m3u8": self.media,
            RENDITION + "/init-{init:[0-9]{1,10}}.mp4": self.init,
            RENDITION + "/{msn:[0-9]{1,10}}.m4s": self.segment,
            RENDITION + "/{msn:[0-9]{1,10}}.{part:[0-9]{1,5}}.m4s": self.part,
        }
        gets = [
            web.get(address, self._pull.open_to_all(handler, playlist=handler in (self.index, self.media)))
            for address, handler in addresses.items()
        ]
        return gets + [web.options(address, preflight) for address in addresses]

    async def index(self, request: web.Request) -> Answer:
        """The multivariant playlist."""
        relay = self._relays.open(request.match_info["event"])
        with relay.used():
            window = relay.window
            await relay.waiting.until(None, lambda: window.programme is not None, COLD_S)
            await relay.waiting.until(None, lambda: window.ended or not _is_over(window), COLD_S)
            if not window.tracks or (_is_over(window) and window.size == 0):
                raise _nothing_to_play(window)
            renditions = [track.rendition for track in window.tracks.values()]
            peaks = {number: track.peak_bps for number, track in window.tracks.items()}
            text = playlist.multivariant(renditions, peaks)
            version = (text,)
            return _text(request, self._shelf(relay).get("", False, version, lambda: text), "public, max-age=1")

    async def media(self, request: web.Request) -> Answer:
        """A rendition's playlist, at once or when it holds what the directives ask for (6.2.5.2)."""
        asked = directives.parse(request.query)
        relay = self._relays.open(request.match_info["event"])
        with relay.used():
            track = await self._track(relay, request.match_info["rendition"])
            part_s = relay.window.programme.part_s if relay.window.programme else PART_S
            if not relay.window.ended:
                directives.check_ahead(asked, track, part_s)
                await self._until(relay, track, lambda: directives.satisfied(asked, track))
            ended = relay.window.ended
            if ended and not track.segments:
                raise _nothing_to_play(relay.window)
            version = (track.next_position, len(track.segments), ended)
            rendered = self._shelf(relay).get(
                track.rendition.name, asked.skip, version, lambda: _render(relay, track, part_s, asked.skip)
            )
            return _text(request, rendered, _lifetime(track, blocking=asked.msn is not None, ended=ended))

    async def init(self, request: web.Request) -> Answer:
        track = await self._held_track(request)
        init = track.inits.get(int(request.match_info["init"]))
        if init is None:
            raise _not_held()
        return _media(track, [init.payload])

    async def segment(self, request: web.Request) -> Answer:
        track = await self._held_track(request)
        segment = track.find(int(request.match_info["msn"]))
        if segment is None or not segment.closed or segment.gap:
            raise _not_held()
        return _media(track, [part.payload for part in segment.parts], FRESH if segment.torn else FOREVER)

    async def part(self, request: web.Request) -> Answer:
        """A part; the one that the preload hint names is waited for (6.2.6), any other that is not held is not found."""
        relay = self._relays.open(request.match_info["event"])
        with relay.used():
            track = await self._track(relay, request.match_info["rendition"])
            asked = (int(request.match_info["msn"]), int(request.match_info["part"]))
            if asked == track.next_position and not relay.window.ended:
                await self._until(relay, track, lambda: directives.reached(track.position, asked))
            part = track.part(asked)
            if part is None:
                raise _not_held()
            return _media(track, [part.payload])

    async def _held_track(self, request: web.Request) -> Track:
        relay = self._relays.open(request.match_info["event"])
        with relay.used():
            return await self._track(relay, request.match_info["rendition"])

    async def _track(self, relay: Relay, name: str) -> Track:
        window = relay.window
        await relay.waiting.until(None, lambda: window.programme is not None, COLD_S)
        track = window.track(name)
        if track is not None:
            relay.pull(name)
            return track
        if not window.tracks:
            raise _nothing_to_play(window)
        raise NotFound("There is no such rendition.", code="no_rendition")

    async def _until(self, relay: Relay, track: Track, ready: Callable[[], bool]) -> None:
        """6.2.5.2: at most three target durations, then Service Unavailable."""
        window = relay.window
        limit_s = 3.0 * playlist.target_duration(track.segment_s)
        if not await relay.waiting.until(track.rendition.id, lambda: window.ended or ready(), limit_s):
            raise Unavailable("Nothing new came from the programme in time.", code="not_ready", retry_s=1)

    def _shelf(self, relay: Relay) -> Shelf:
        return self._shelves.setdefault(relay, Shelf())


def _render(relay: Relay, track: Track, part_s: float, skip: bool) -> str:
    others = [other for other in relay.window.tracks.values() if other is not track]
    reports = [(other.rendition.name, other.position) for other in others if other.position]
    return playlist.media(track, reports, part_s, skip=skip, ended=relay.window.ended)


def _lifetime(track: Track, blocking: bool, ended: bool) -> str:
    """Appendix B.1: blocked-for playlists six target durations (nobody asks for that part again), others half of one."""
    target = playlist.target_duration(track.segment_s)
    return f"public, max-age={6 * target if blocking or ended else max(1, target // 2)}"


def _text(request: web.Request, rendered: Rendered, cache: str) -> Answer:
    headers: dict[str, str] = {hdrs.CACHE_CONTROL: cache, hdrs.VARY: hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE: PLAYLIST}
    body = rendered.plain
    if accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        body = rendered.gzip
    return _answer([body], headers)


def accepts_gzip(accepted: str) -> bool:
    """RFC 9110 12.5.3: named, and not with a weight of zero, which refuses it."""
    named = _GZIP.search(accepted)
    return named is not None and (named[1] is None or named[1].strip("0.") != "")


def _media(track: Track, pieces: Sequence[memoryview], lifetime: str = FOREVER) -> Answer:
    kind = "audio/mp4" if track.rendition.kind is RenditionKind.AUDIO else "video/mp4"
    return _answer(pieces, {hdrs.CACHE_CONTROL: lifetime, hdrs.CONTENT_TYPE: kind})


def _answer(pieces: Sequence[bytes | memoryview], headers: Mapping[str, str]) -> Answer:
    measures.sent_by_pull.inc(sum(map(len, pieces)))
    return Answer(pieces, headers)


def _is_over(window: Window) -> bool:
    """The producer ended the event; END follows when all that is left of it has been told."""
    return window.programme is not None and window.programme.state is ProgrammeState.ENDED


def _nothing_to_play(window: Window) -> PlenumError:
    if window.programme is None:
        return Unavailable("The programme cannot be reached at the moment.", code="upstream_away", retry_s=2)
    if _is_over(window):
        return NotFound("This event has ended.", code="event_ended")
    return NotFound("Nobody has been on air in this event yet.", code="not_live")


def _not_held() -> NotFound:
    return NotFound("This piece is not held here (any more).", code="not_held")
