"""The ingest process as one thing to construct: WHIP in, programmes, the feed out, and orders from other processes.

Internal routes take a node's ticket (role admin) in the Authorization header and nothing else: a browser's cookie never
reaches them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiohttp import web

from ingest.archive import Archive
from ingest.channel import Channels
from ingest.origin import Origin
from ingest.peers import Peers
from ingest.programmes import Programmes
from ingest.record import Plan
from ingest.spare_transcoder import COMMAND
from ingest.whip import FAILURES_PER_MINUTE, Whip
from plenum.clock import Clock
from plenum.errors import Unauthorized
from plenum.event import Language, check_title
from plenum.identity import Role
from plenum.recording import DVR
from plenum.rtc_binding import MediaBinding
from plenum.settings import DvrSettings, LogSettings, MediaSettings, RtcSettings
from plenum.web import Gate, bearer_token, json_response, read_json

INTERNAL = "/internal/events/{event:[a-z0-9-]{1,48}}"


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the slate says."""

    title: str
    language: Language = Language.EN


class Ingest:
    """`start`, serve `routes`, `close`."""

    def __init__(
        self,
        *,
        data_dir: Path,
        gate: Gate,
        clock: Clock,
        media: MediaSettings,
        rtc: RtcSettings,
        dvr: DvrSettings,
        bind: Sequence[str],
        log: LogSettings | None = None,
        whip_failures_per_minute: int = FAILURES_PER_MINUTE,
        transcoder: Sequence[str] = COMMAND,
    ) -> None:
        self._gate = gate
        log = log or LogSettings()
        binding = MediaBinding(tuple(bind), rtc.public_address, rtc.port_min, rtc.port_max)
        self._peers = Peers(binding, log_level=log.level, log_format=log.format)
        self._channels = Channels()
        self._archive = Archive(data_dir / DVR, dvr, clock)
        plan = Plan(tuple(media.ladder), media.fps, media.x264_preset)
        command = (*transcoder, "--sandbox", media.sandbox, "--log-level", log.level, "--log-format", log.format)
        self._programmes = Programmes(
            data_dir / "events", self._peers, self._channels, self._archive, plan, clock, command
        )
        self._origin = Origin(self._channels, gate, clock)
        self._whip = Whip(
            self._programmes,
            gate,
            clock,
            ice_servers=rtc.ice_servers,
            failures_per_minute=whip_failures_per_minute,
        )
        self._ready = False

    def routes(self) -> list[web.RouteDef]:
        return [
            *self._whip.routes(),
            *self._origin.routes(),
            web.post(INTERNAL, self._describe),
            web.post(INTERNAL + "/end", self._end),
            web.get(INTERNAL + "/status", self._status),
            web.get("/livez", self._livez),
            web.get("/readyz", self._readyz),
        ]

    async def start(self) -> None:
        """Presenters can be taken in, and running events go on."""
        await self._archive.start()  # programmes that go on are recorded from their first part
        await asyncio.gather(self._peers.start(), self._programmes.start())
        self._ready = True

    async def close(self) -> None:
        """Drain: presenters are told, last parts sent, relays told to come back, records written. Again is no change."""
        self._ready = False
        await self._programmes.close()
        await self._origin.close()
        await self._archive.close()
        await self._peers.close()

    async def _describe(self, request: web.Request) -> web.Response:
        event = self._order(request)
        description = await read_json(request, Description)
        await self._programmes.describe(event, check_title(description.title), description.language)
        return json_response({})

    async def _end(self, request: web.Request) -> web.Response:
        await self._programmes.end(self._order(request))
        return json_response({})

    async def _status(self, request: web.Request) -> web.Response:
        return json_response(await self._programmes.status(self._order(request)))

    def _order(self, request: web.Request) -> str:
        """The event that a node of the platform gives an order for. Raises Unauthorized, Forbidden."""
        event = request.match_info["event"]
        token = bearer_token(request)
        if not token:
            raise Unauthorized("This address is for the platform's own processes.", code="no_ticket")
        self._gate.ticket(token, event, Role.ADMIN)
        return event

    async def _livez(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ready\n" if self._ready else "not ready\n", status=200 if self._ready else 503)
