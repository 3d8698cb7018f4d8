"""What tests of presenting share: a WHIP endpoint with real peer processes, and someone to read the samples."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from aiohttp import web

from ingest.peers import Peer, Peers
from ingest.samples import Sample, SampleKind, SampleReader
from ingest.whip import Entered, Session, Whip
from plenum.clock import SystemClock
from plenum.errors import Conflict, NotFound
from plenum.identity import Principal, Role, Signer
from plenum.offer import OFFER_MAX
from plenum.rtc_binding import MediaBinding
from plenum.signalling import IceServer, etag_of
from plenum.web import Gate, application

SIGNER = Signer(b"stage" * 8)
TENANT = "main"
EVENT = "town-hall"
PATIENCE_S = 20.0


def ticket(subject: str = "anna", role: Role = Role.PRESENTER, event: str = EVENT) -> str:
    return SIGNER.ticket(Principal(TENANT, event, role, subject, subject.title()), time.time())


class Audience:
    """Reads what a peer writes, as a transcoder would."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._reader = SampleReader()
        self._task = asyncio.create_task(self._read())
        self._changed = asyncio.Condition()
        self.samples: list[Sample] = []

    async def until(self, enough: Callable[[list[Sample]], bool], patience_s: float = PATIENCE_S) -> list[Sample]:
        """All samples, once there are enough; TimeoutError when that never comes."""
        async with asyncio.timeout(patience_s), self._changed:
            await self._changed.wait_for(lambda: enough(self.samples))
        return self.samples

    async def pictures(self, count: int) -> list[Sample]:
        return [s for s in await self.until(lambda all_: _count(all_, SampleKind.VIDEO) >= count) if _is_video(s)]

    def ask_for_keyframe(self) -> None:
        self._sock.send(b"K")

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._sock.close()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._sock, 65536):
            async with self._changed:
                self.samples += self._reader.feed(data)
                self._changed.notify_all()


def _is_video(sample: Sample) -> bool:
    return sample.kind is SampleKind.VIDEO


def _count(samples: list[Sample], kind: SampleKind) -> int:
    return sum(sample.kind is kind for sample in samples)


class StageProgrammes:
    """The least that the endpoint needs: one presenter at a time, the same person replaces their own session."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self.sessions: dict[str, tuple[Principal, Peer]] = {}
        self.resources: dict[str, Session] = {}
        self.entered: asyncio.Queue[Peer] = asyncio.Queue()
        self.replaces: list[str] = []

    async def enter(self, principal: Principal, offer: str, ufrag: str, replaces: str = "") -> Entered:
        self.replaces.append(replaces)
        for session_id, (other, peer) in list(self.sessions.items()):
            if other.subject != principal.subject:
                raise Conflict(f"{other.name} is on air.", code="on_air", on_air=other.name)
            del self.sessions[session_id]
            await peer.close("replaced")
        peer = await self._peers.open(offer)
        session_id = secrets.token_urlsafe(16)
        self.sessions[session_id] = (principal, peer)
        self.resources[session_id] = Session(principal.subject, etag_of(peer.answer), ufrag)
        self.entered.put_nowait(peer)
        return Entered(session_id, peer.answer, etag_of(peer.answer))

    def find(self, event: str, session_id: str) -> Session | None:
        return self.resources[session_id] if session_id in self.sessions else None

    async def leave(self, principal: Principal, event: str, session_id: str) -> None:
        if session_id not in self.sessions:
            raise NotFound("gone", code="no_such_session")
        await self.sessions.pop(session_id)[1].close()


class Stage:
    """A running endpoint."""

    def __init__(self, base: str, programmes: StageProgrammes, peers: Peers) -> None:
        self.base = base
        self.url = f"{base}/whip/{EVENT}"
        self.programmes = programmes
        self.peers = peers
        self._audiences: list[Audience] = []

    async def peer(self) -> Peer:
        """The next presenter's peer."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.programmes.entered.get()

    def audience(self, peer: Peer) -> Audience:
        audience = Audience(peer.plug())
        self._audiences.append(audience)
        return audience

    async def close(self) -> None:
        for audience in self._audiences:
            await audience.close()


@contextlib.asynccontextmanager
async def whip_stage(page: str = "", ice_servers: Sequence[IceServer] = (), **options: Any) -> AsyncIterator[Stage]:
    """A WHIP endpoint on loopback with real peers, made with `options`; `page` is served at `/`."""
    peers = Peers(MediaBinding(), **options)
    await peers.start()
    programmes = StageProgrammes(peers)
    app = application(body_limit=OFFER_MAX)
    gate = Gate(SIGNER, TENANT, SystemClock())
    app.add_routes(Whip(programmes, gate, SystemClock(), ice_servers=ice_servers).routes())

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=page or "<!doctype html><title>stage</title>", content_type="text/html")

    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stage = Stage(f"http://127.0.0.1:{runner.addresses[0][1]}", programmes, peers)
    try:
        yield stage
    finally:
        await stage.close()
        await peers.close()
        await runner.cleanup()
