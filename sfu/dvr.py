"""The programme from the start of the event: playlists and byte ranges out of a recording on this machine's disk.

    /live/{event}/{key}/dvr.m3u8                  the renditions
    /live/{event}/{key}/{rendition}/dvr.m3u8      one from the start, by byte ranges; `_HLS_skip=YES`: what is new
    /live/{event}/{key}/{rendition}/dvr-{n}.mp4   about an hour of it

As with LL-HLS the delivery key is the only credential. Memory stays the same however long the event is and however much is
asked for at once: the text of a playlist goes when nobody has asked for a minute, files are sent in slices, and so many at
a time. An edge, which has no disk to read, hands the same addresses on (`sfu/dvr_passed_on.py`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from aiohttp import hdrs, web

from plenum import metrics
from plenum.clock import Clock
from plenum.errors import NotFound, RangeNotSatisfiable, Unavailable
from plenum.media import RenditionKind
from plenum.recording import Recording
from plenum.web import problem
from sfu import measures, playlist
from sfu.byte_range import ByteRange, asked
from sfu.dvr_folder import EventRecording, Piece, Text, TrackRecording
from sfu.hls import BASE, FOREVER, PLAYLIST, RENDITION, accepts_gzip
from sfu.pull import CORS, Answer, Pull, in_time, preflight

T = TypeVar("T")
NAME = "dvr.m3u8"
INDEX_PATH = f"{BASE}/{NAME}"
MEDIA_PATH = f"{RENDITION}/{NAME}"
FILE_PATH = RENDITION + "/dvr-{number:[0-9]{1,6}}.mp4"

SLICE = 256 * 1024
"""Held of one answer at a time; a segment of the default ladder's largest rung is two or three of them."""
IDLE_S = 60.0
EVENTS_MAX = 64
THREADS = 4
RETRY_S = 1.0


class Places:
    """How many answers are read and sent at a time. Full: 503 with Retry-After."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises Unavailable `too_many_reads`."""
        if self._taken >= self._limit:
            metrics.rejected.labels(reason="too_many_reads").inc()
            raise Unavailable("Too much is read from disk here right now.", code="too_many_reads", retry_s=RETRY_S)
        self._taken += 1
        measures.reads.inc()
        try:
            yield
        finally:
            self._taken -= 1
            measures.reads.dec()


class Dvr:
    """The recordings in one folder."""

    def __init__(self, folder: Path, pull: Pull, clock: Clock, reads: int) -> None:
        self._folder = folder
        self._pull = pull
        self._clock = clock
        self._places = Places(reads)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="dvr")
        self._events: dict[str, tuple[EventRecording, float]] = {}

    def routes(self) -> list[web.RouteDef]:
        addresses = {INDEX_PATH: self._index, MEDIA_PATH: self._media, FILE_PATH: self._file}
        gets = [
            web.get(address, self._pull.open_to_all(handler, playlist=address != FILE_PATH))
            for address, handler in addresses.items()
        ]
        return gets + [web.options(address, preflight) for address in addresses]

    async def start(self) -> None:
        """Nothing is read before somebody asks."""

    async def close(self) -> None:
        self._pool.shutdown(wait=False)

    async def has(self, event: str) -> bool:
        """Whether there is something to play of this event."""
        return await self._read(lambda: _has_segments(EventRecording(self._folder / event)))

    async def _index(self, request: web.Request) -> web.StreamResponse:
        event = self._event(request)
        with self._places.one():
            text = await self._read(lambda: _multivariant(event))
            return await _playlist(Text(text.encode(), compressed=False), ended=False).send(request)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        event, name = self._event(request), request.match_info["rendition"]
        compressed = accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        skip = request.query.get("_HLS_skip", "") in ("YES", "v2")
        with self._places.one():
            text, ended = await self._read(lambda: _media(event, name, skip=skip, compressed=compressed))
            return await _playlist(text, ended=ended).send(request)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        event, name = self._event(request), request.match_info["rendition"]
        number = int(request.match_info["number"])
        with self._places.one():
            kind, piece = await self._read(lambda: _piece(event, name, number))
            try:
                return await self._send(request, piece, kind)
            finally:
                os.close(piece.descriptor)

    async def _send(self, request: web.Request, piece: Piece, kind: str) -> web.StreamResponse:
        headers = {**CORS, hdrs.CONTENT_TYPE: kind, hdrs.ACCEPT_RANGES: "bytes", hdrs.ETAG: f'"{piece.tag}"'}
        try:
            wanted = asked(_range(request, piece.tag), piece.size)
        except RangeNotSatisfiable as error:
            refusal = problem(error)
            refusal.headers[hdrs.CONTENT_RANGE] = f"bytes */{piece.size}"
            return refusal
        # What is finished never changes; the whole grows for as long as it is written to.
        headers[hdrs.CACHE_CONTROL] = FOREVER if wanted.partial else "no-cache"
        if wanted.partial:
            headers[hdrs.CONTENT_RANGE] = wanted.content_range
        status = 206 if wanted.partial else 200
        if wanted.length <= SLICE or request.method == hdrs.METH_HEAD:
            return await self._send_at_once(request, piece, wanted, status, headers)
        return await self._stream(request, piece, wanted, web.StreamResponse(status=status, headers=headers))

    async def _send_at_once(
        self, request: web.Request, piece: Piece, wanted: ByteRange, status: int, headers: dict[str, str]
    ) -> web.StreamResponse:
        if request.method == hdrs.METH_HEAD:
            answer = web.StreamResponse(status=status, headers=headers)
            answer.content_length = wanted.length
            return answer
        body = await self._read(lambda: os.pread(piece.descriptor, wanted.length, wanted.start))
        measures.sent.labels(transport="dvr").inc(len(body))
        return await Answer([body], headers, status).send(request)

    async def _stream(
        self, request: web.Request, piece: Piece, wanted: ByteRange, answer: web.StreamResponse
    ) -> web.StreamResponse:
        answer.content_length = wanted.length
        await answer.prepare(request)
        sent = 0
        while sent < wanted.length:
            size, at = min(SLICE, wanted.length - sent), wanted.start + sent
            body = await self._read(lambda: os.pread(piece.descriptor, size, at))  # noqa: B023 - awaited here
            if not body or not await in_time(request, answer.write(body)):
                break
            sent += len(body)
        measures.sent.labels(transport="dvr").inc(sent)
        return answer

    def _event(self, request: web.Request) -> EventRecording:
        """The event's recording; others that nobody has asked for lately are let go of."""
        event, now = request.match_info["event"], self._clock.monotonic()
        self._events = {name: held for name, held in self._events.items() if now - held[1] < IDLE_S or name == event}
        if event not in self._events and len(self._events) >= EVENTS_MAX:
            raise Unavailable("Too many events are read from disk here.", code="too_many_events", retry_s=10)
        recording = self._events[event][0] if event in self._events else EventRecording(self._folder / event)
        self._events[event] = (recording, now)
        return recording

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _recording(event: EventRecording) -> Recording:
    recording = event.load()
    if recording is None:
        raise NotFound("Nothing of this event is recorded (any more).", code="not_recorded")
    return recording


def _has_segments(event: EventRecording) -> bool:
    recording = event.load()
    names = [rendition.name for rendition in recording.programme.renditions] if recording is not None else []
    return any(event.has_segment(name) for name in names)


def _multivariant(event: EventRecording) -> str:
    recording = _recording(event)
    segment_s = recording.programme.segment_s
    tracks = {r: track for r in recording.programme.renditions if (track := event.track(r.name, segment_s))}
    if not tracks:
        raise _nothing_yet()
    return playlist.multivariant(tracks, {r.id: track.peak_bps() for r, track in tracks.items()}, NAME)


def _media(event: EventRecording, name: str, *, skip: bool, compressed: bool) -> tuple[Text, bool]:
    recording = _recording(event)
    track: TrackRecording | None = event.track(name, recording.programme.segment_s)
    if track is None:
        if recording.programme.find(name):
            raise _nothing_yet()
        raise NotFound("There is no such rendition.", code="no_rendition")
    text = track.playlist(skip=skip, ended=recording.has_ended, compressed=compressed)
    if text is None:
        raise _nothing_yet()
    return text, recording.has_ended


def _piece(event: EventRecording, name: str, number: int) -> tuple[str, Piece]:
    """The file and its media type."""
    recording, piece = _recording(event), event.open(name, number)
    if piece is None:
        raise NotFound("This piece is not held here (any more).", code="not_held")
    rendition = recording.programme.find(name)
    audio = rendition is not None and rendition.kind is RenditionKind.AUDIO
    return ("audio/mp4" if audio else "video/mp4"), piece


def _range(request: web.Request, tag: str) -> str:
    """The Range header, unless If-Range names something else than what is here (RFC 9110 13.1.5)."""
    condition = request.headers.get(hdrs.IF_RANGE, "")
    return request.headers.get(hdrs.RANGE, "") if condition in ("", f'"{tag}"') else ""


def _playlist(text: Text, *, ended: bool) -> Answer:
    headers: dict[str, str] = {
        hdrs.CACHE_CONTROL: f"public, max-age={60 if ended else 1}",
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        hdrs.CONTENT_TYPE: PLAYLIST,
    }
    if text.compressed:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    measures.sent.labels(transport="dvr").inc(len(text.body))
    return Answer([text.body], headers)


def _nothing_yet() -> NotFound:
    return NotFound("Nothing has been recorded of this event yet.", code="not_live")
