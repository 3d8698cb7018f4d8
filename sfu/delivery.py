"""Delivery for one front or edge: relays, push and LL-HLS tied together. What `deploy/assemble.py` constructs.

upstream feed ──► Relay ──► Window ──► Hls
                    └─────────────────► Room ──► viewers (and edges further down)
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from plenum.clock import Clock
from plenum.identity import Signer
from plenum.log import get_logger
from plenum.media import Programme
from plenum.places import Places
from plenum.web import Gate
from sfu import measures
from sfu.dvr import Dvr
from sfu.dvr_passed_on import DvrPassedOn
from sfu.frames import Frame
from sfu.hls import Hls
from sfu.pull import Pull
from sfu.push import Limits, Push
from sfu.relay import Relay, Relays, Upstream
from sfu.room import RESTARTING, Room, move
from sfu.window import Heard

log = get_logger("delivery")

ProgrammeListener = Callable[[str, Programme], None]
RETRY_WITHIN_MS = 2_000
LOOK_EVERY_S = 0.05
MOVES_PER_S = 80
SOCKETS_MAX = 12_000
"""Where nobody else in the process opens any (an edge)."""


class Delivery:
    """The video side of a front."""

    def __init__(
        self,
        upstream: str | Sequence[str],
        gate: Gate,
        signer: Signer,
        tenant: str,
        clock: Clock,
        node_ticket: Callable[[str], str],
        viewers_per_event: int = 2_000,
        held_reloads: int = 4_000,
        places: Places | None = None,
        sockets_per_person: int = 12,
        upstream_tls: ssl.SSLContext | None = None,
        recordings: Path | None = None,
        reads: int = 256,
    ) -> None:
        """`recordings`: the folder that the ingest beside us records into; without one upstream is asked for them."""
        self.on_programme: list[ProgrammeListener] = []
        """Called with the event and its programme whenever it changes, while somebody here watches it."""
        self._clock = clock
        above = Upstream(upstream, node_ticket, upstream_tls)
        self._relays = Relays(above, clock, held_reloads)
        self._relays.on_open.append(self._relay_opened)
        self._relays.on_drop.append(self._relay_dropped)
        self._rooms: dict[Relay, tuple[Room, asyncio.Task[None]]] = {}
        limits = Limits(places or Places(SOCKETS_MAX), viewers_per_event, sockets_per_person)
        self._push = Push(self, gate, clock, limits)

        def key_valid(key: str, event: str) -> bool:
            return signer.delivery_key_valid(key, tenant, event, clock.wall())

        self._pull = Pull(key_valid, clock)
        self._hls = Hls(self._relays, self._pull)
        self._dvr: Dvr | DvrPassedOn | None = None
        if recordings is not None:
            self._dvr = Dvr(recordings, self._pull, clock, reads)
        elif not above.is_local:
            self._dvr = DvrPassedOn(above, self._pull, reads)

    def routes(self) -> list[web.RouteDef]:
        return self._push.routes() + self._hls.routes() + (self._dvr.routes() if self._dvr else [])

    async def start(self) -> None:
        await self._relays.start()
        if self._dvr is not None:
            await self._dvr.start()

    def refuse_new(self) -> None:
        """This front is about to stop: nobody new. Whoever is here goes on."""
        self._push.is_draining = self._pull.is_draining = True

    async def move_all(self, within_s: float) -> None:
        """Send everybody elsewhere, and serve them until they have left or the time is over.

        Push viewers are told; who pulls is refused playlists (`refuse_new`) and gone when nothing else is asked for.

        One after the other: where they go to, each costs a handshake, and whoever is there already must not wait for those.
        """
        ends = self._clock.monotonic() + within_s
        clients = [client for room, _ in self._rooms.values() for client in room.clients]
        pause_s = min(1 / MOVES_PER_S, within_s / 2 / max(1, len(clients)))
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for client in clients:
                    client.write(move(round((ends - self._clock.monotonic()) * 1000)))
                    await asyncio.sleep(pause_s)
                while self._is_watched:  # noqa: ASYNC110 - of many rooms, none tells
                    await asyncio.sleep(LOOK_EVERY_S)

    @property
    def _is_watched(self) -> bool:
        return not self._pull.is_quiet or any(room.lines for room, _ in self._rooms.values())

    def release_held(self) -> None:
        """LL-HLS requests that are held get their answer."""
        self._relays.release_held()

    @property
    def people(self) -> int:
        """Watching by push on this front, of all events."""
        return sum(room.viewers for room, _ in self._rooms.values())

    async def drain(self, _: web.Application | None = None) -> None:
        """Tell every viewer to come back (to another front, or to this one restarted).

        For `app.on_shutdown`: later aiohttp has closed the connections without a word.
        """
        rooms = [room for room, _ in self._rooms.values()]
        await asyncio.gather(*(room.dismiss_all(RESTARTING, RETRY_WITHIN_MS) for room in rooms))

    async def close(self) -> None:
        await self.drain()
        await self._relays.close()
        if self._dvr is not None:
            await self._dvr.close()

    async def is_recorded(self, event: str) -> bool:
        """Whether the recordings on this machine have something of the event."""
        return isinstance(self._dvr, Dvr) and await self._dvr.has(event)

    def programme(self, event: str) -> Programme | None:
        """What the event's programme says of itself, where somebody here watches it (or did, a minute ago)."""
        relay = self._relays.find(event)
        return relay.window.programme if relay else None

    def viewers(self, event: str) -> int:
        """People watching by push on this front."""
        room = self.find(event)
        return room.viewers if room else 0

    def audiences(self) -> dict[str, int]:
        """People watching by push on this front, of every event that has some."""
        return {relay.event: room.viewers for relay, (room, _) in self._rooms.items() if room.viewers}

    def find(self, event: str) -> Room | None:
        """The event's room, where there is one already."""
        relay = self._relays.find(event)
        return self._rooms[relay][0] if relay else None

    def open(self, event: str) -> Room:
        """The event's room. Raises Unavailable `too_many_events`."""
        return self._rooms[self._relays.open(event)][0]

    def _relay_opened(self, relay: Relay) -> None:
        room = Room(relay, self._clock)
        task = asyncio.create_task(_kept_running(room), name=f"room-{relay.event}")
        self._rooms[relay] = (room, task)
        relay.listeners.append(lambda heard, meaning: self._tell(relay, heard, meaning))

    async def _relay_dropped(self, relay: Relay) -> None:
        _, task = self._rooms.pop(relay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self._relays.find(relay.event) is None:  # else it has been opened again meanwhile
            measures.forget_event(relay.event)

    def _tell(self, relay: Relay, _: Frame, meaning: Heard) -> None:
        programme = relay.window.programme
        if meaning is Heard.PROGRAMME and programme is not None:
            for listener in self.on_programme:
                listener(relay.event, programme)


async def _kept_running(room: Room) -> None:
    """The fan-out's outermost frame: a defect costs one frame, never the event."""
    while True:
        try:
            await room.run()
        except Exception:
            log.exception("fanout_failed", event_id=room.relay.event)
