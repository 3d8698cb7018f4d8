"""A development ingest without presenters: a recorded feed, over and over, through the real channels, origin and archive.

`python -m ingest.replay --settings FILE --event E --feed FEED --minutes M --speed 12` serves the unix socket where fronts look
for the ingest (same settings, same paths). For so many minutes the media comes `speed` times faster than it plays, numbered
and dated as if the event had lasted that long when they are over; then it goes on at its own pace until SIGTERM.

FEED holds feed messages, each behind its length (32 bit, network byte order). Its second half is what is repeated: what only
the first half shows is shown at the start of the event and never again.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web

from ingest.archive import Archive
from ingest.channel import Channel, Channels
from ingest.origin import Origin
from plenum import log as logs
from plenum.clock import Clock, SystemClock
from plenum.errors import BadInput, PlenumError
from plenum.identity import Signer
from plenum.media import Programme
from plenum.recording import DVR
from plenum.settings import Settings, read_back
from plenum.store import short_socket_path
from plenum.web import PARSER_LIMITS, Gate, application
from plenum.wire import Header, Kind, as_programme, pack, unpack

log = logs.get_logger("replay")

_TFDT_VALUE = 8
"""From the box's type to its decode time of 64 bits: 4 bytes type, 4 version and flags (ISO 14496-12 8.8.12)."""
_HEAD = 256
"""A part's first bytes; the box is among them."""


@dataclass(frozen=True)
class Tape:
    """A recorded feed: what the programme is, and its parts by segment, in the order of their time."""

    programme: Programme
    inits: tuple[tuple[Header, bytes], ...]
    segments: tuple[tuple[tuple[Header, bytes], ...], ...]


class Replay:
    """Puts the tape into a channel."""

    def __init__(self, tape: Tape, channel: Channel, clock: Clock, speed: float, minutes: float) -> None:
        self._tape = tape
        self._channel = channel
        self._clock = clock
        self._speed = speed
        self._fast_s = minutes * 60
        self._segment_s = tape.programme.segment_s
        self._zero = clock.monotonic()
        # So that the newest picture is of now when the fast minutes are over.
        self._zero_wall_us = int((clock.wall() - (speed - 1) * self._fast_s) * 1e6)

    async def run(self) -> None:
        """For ever."""
        programme = msgspec.structs.replace(self._tape.programme, started_at_ms=self._zero_wall_us // 1000)
        self._channel.is_on = True
        self._channel.announce(programme, self._clock.monotonic())
        for header, payload in self._tape.inits:
            self._channel.add_init(header, pack(header, payload))
        timescales = {rendition.id: rendition.timescale for rendition in programme.renditions}
        for msn, segment in enumerate(self._order(), 1):
            for header, payload in segment:
                since_us = header.wall_us - segment[0][0].wall_us
                at_s = (msn - 1) * self._segment_s + since_us / 1e6
                await self._until(at_s + header.duration / timescales[header.rendition])
                moved = (msn - header.msn) * round(self._segment_s * timescales[header.rendition])
                start = header.start + moved
                wall_us = self._zero_wall_us + round(at_s * 1e6)
                fresh = msgspec.structs.replace(header, msn=msn, start=start, wall_us=wall_us)
                self._channel.add_part(fresh, pack(fresh, _dated(payload, start)), self._clock.monotonic())

    def _order(self) -> Iterator[tuple[tuple[Header, bytes], ...]]:
        segments = self._tape.segments
        return itertools.chain(segments, itertools.cycle(segments[len(segments) // 2 :]))

    async def _until(self, media_s: float) -> None:
        """Media time to ours: fast, then as it plays."""
        fast_media_s = self._fast_s * self._speed
        due = min(media_s, fast_media_s) / self._speed + max(0.0, media_s - fast_media_s)
        await asyncio.sleep(max(0.0, self._zero + due - self._clock.monotonic()))


def read_tape(path: Path) -> Tape:
    """Raises BadInput `bad_feed`."""
    programme: Programme | None = None
    inits: dict[int, tuple[Header, bytes]] = {}
    segments: defaultdict[int, list[tuple[Header, bytes]]] = defaultdict(list)
    for message in _messages(path.read_bytes()):
        header, payload = unpack(message)
        if header.kind is Kind.RENDITIONS:
            programme = as_programme(payload)
        elif header.kind is Kind.INIT:
            inits.setdefault(header.rendition, (header, bytes(payload)))
        elif header.kind is Kind.PART:
            segments[header.msn].append((header, bytes(payload)))
    whole = sorted(segments)
    if programme is None or len(whole) < 2 or whole != list(range(whole[0], whole[-1] + 1)):
        raise BadInput(f"{path} holds no feed that can be replayed.", code="bad_feed")
    ordered = tuple(tuple(sorted(segments[msn], key=lambda part: part[0].wall_us)) for msn in whole)
    return Tape(programme, tuple(inits.values()), ordered)


def _messages(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : at + 4 + length]
        at += 4 + length


def _dated(payload: bytes, start: int) -> bytes:
    at = payload.find(b"tfdt", 0, _HEAD)
    if at < 0:
        raise BadInput("A part of the feed has no decode time.", code="bad_feed")
    at += _TFDT_VALUE
    return payload[:at] + start.to_bytes(8, "big") + payload[at + 8 :]


async def serve(settings: Settings, event: str, tape: Tape, speed: float, minutes: float) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock()
    channels = Channels()
    origin = Origin(channels, Gate(Signer(settings.auth.secret.encode()), settings.tenant, clock), clock)
    archive = Archive(settings.data_dir / DVR, settings.dvr, clock)
    await archive.start()
    channel = channels.open(event)
    archive.follow(channel)
    app = application()
    app.add_routes(origin.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, **PARSER_LIMITS)
    await runner.setup()
    path = short_socket_path(settings.runtime, "ingest.sock")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = os.umask(0o077)
    try:
        await web.UnixSite(runner, str(path)).start()
    finally:
        os.umask(before)
    playing = asyncio.create_task(Replay(tape, channel, clock, speed, minutes).run())
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    await origin.close()
    await archive.close()
    await runner.cleanup()
    if playing in done:
        playing.result()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ingest.replay", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--event", required=True)
    parser.add_argument("--feed", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--speed", type=float, default=12.0)
    options = parser.parse_args(arguments)
    try:
        settings = read_back(options.settings)
        logs.configure("replay", settings.log.level, settings.log.format)
        tape = read_tape(options.feed)
        uvloop.run(serve(settings, options.event, tape, options.speed, options.minutes))
    except PlenumError as error:
        log.error("replay_failed", code=error.code, detail=error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
