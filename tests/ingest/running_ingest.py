"""What tests of the ingest share: the service on loopback, a feed client, orders as a node. `python -m` runs it alone."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ingest.confinement import Sandbox
from ingest.service import Ingest
from ingest.spare_transcoder import COMMAND
from plenum.clock import SystemClock
from plenum.identity import ANY_EVENT, Principal, Role, Signer
from plenum.media import Programme, RenditionKind
from plenum.offer import OFFER_MAX
from plenum.settings import DvrSettings, MediaSettings, RtcSettings
from plenum.web import Gate, application
from plenum.wire import (
    EVERYTHING,
    MAX_MESSAGE,
    SUBPROTOCOL,
    Bye,
    ClientMessage,
    Header,
    Kind,
    Subscribe,
    as_bye,
    as_programme,
    encode_client,
    unpack,
)

SIGNER = Signer(b"ingest" * 8)
TENANT = "main"
EVENT = "town-hall"
PATIENCE_S = 25.0
ALL = Subscribe((EVERYTHING,))


def ticket(subject: str = "anna", role: Role = Role.PRESENTER, event: str = EVENT, *, stand_in: bool = False) -> str:
    principal = Principal(TENANT, event, role, subject, subject.title(), stand_in=stand_in)
    return SIGNER.ticket(principal, time.time())


NODE = {"Authorization": f"Bearer {ticket('node', Role.ADMIN, ANY_EVENT)}"}


class Feed:
    """A relay, as far as the origin can tell; keeps what it is sent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.messages: list[tuple[Header, bytes]] = []
        self.times: list[float] = []
        self._changed = asyncio.Condition()
        self._task = asyncio.create_task(self._read())

    async def send(self, message: ClientMessage) -> None:
        await self.socket.send_str(encode_client(message))

    async def until(self, enough: Callable[[Feed], Any], patience_s: float = PATIENCE_S) -> Any:
        """What `enough` returns, once that is something. TimeoutError when it never is."""
        async with asyncio.timeout(patience_s), self._changed:
            await self._changed.wait_for(lambda: enough(self))
        return enough(self)

    async def parts_after(self, count: int, patience_s: float = PATIENCE_S) -> list[Header]:
        """All parts, once there are `count` more than now."""
        held = len(self.parts())
        return await self.until(lambda feed: len(feed.parts()) >= held + count and feed.parts(), patience_s)

    async def shows(self, state: str, on_air: str = "", patience_s: float = PATIENCE_S) -> Programme:
        def matches(feed: Feed) -> Programme | None:
            news = feed.programme
            return news if news and (news.state, news.on_air) == (state, on_air) else None

        return await self.until(matches, patience_s)

    async def closed(self, patience_s: float = PATIENCE_S) -> int | None:
        """The close code."""
        async with asyncio.timeout(patience_s):
            await asyncio.shield(self._task)
        return self.socket.close_code

    @property
    def programme(self) -> Programme | None:
        return next((as_programme(p) for h, p in reversed(self.messages) if h.kind is Kind.RENDITIONS), None)

    @property
    def kinds(self) -> list[Kind]:
        return [header.kind for header, _ in self.messages]

    @property
    def bye(self) -> Bye | None:
        return next((as_bye(payload) for header, payload in self.messages if header.kind is Kind.BYE), None)

    def parts(self, rendition: int | None = None) -> list[Header]:
        return [
            header for header, _ in self.messages if header.kind is Kind.PART and rendition in (None, header.rendition)
        ]

    def media(self, rendition: int, init_id: int) -> bytes:
        """Init segment and parts of a rendition from one transcoder run: a file."""
        wanted = (Kind.INIT, Kind.PART)
        return b"".join(
            payload
            for header, payload in self.messages
            if header.kind in wanted and (header.rendition, header.init_id) == (rendition, init_id)
        )

    def video(self) -> int:
        """The id of the first video rendition."""
        programme = self.programme
        assert programme
        return next(r.id for r in programme.renditions if r.kind is RenditionKind.VIDEO)

    async def _read(self) -> None:
        async for message in self.socket:
            header, payload = unpack(message.data)
            async with self._changed:
                self.messages.append((header, bytes(payload)))
                self.times.append(time.monotonic())
                self._changed.notify_all()


class Running:
    """An ingest that can be reached at `base`."""

    def __init__(self, base: str, http: aiohttp.ClientSession, service: Ingest | None = None) -> None:
        self.base = base
        self.http = http
        self.service = service

    def whip(self, event: str = EVENT) -> str:
        return f"{self.base}/whip/{event}"

    async def feed(self, first: ClientMessage | None = ALL, event: str = EVENT) -> Feed:
        socket = await self.http.ws_connect(
            f"{self.base}/live/{event}/feed", protocols=(SUBPROTOCOL,), headers=NODE, max_msg_size=MAX_MESSAGE
        )
        feed = Feed(socket)
        if first is not None:
            await feed.send(first)
        return feed

    async def status(self, event: str = EVENT) -> dict[str, Any]:
        async with self.http.get(f"{self.base}/internal/events/{event}/status", headers=NODE) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def end(self, event: str = EVENT) -> None:
        async with self.http.post(f"{self.base}/internal/events/{event}/end", headers=NODE, json={}) as response:
            assert response.status == 200, await response.text()

    async def describe(self, title: str, event: str = EVENT, language: str = "en") -> int:
        body = {"title": title, "language": language}
        async with self.http.post(f"{self.base}/internal/events/{event}", headers=NODE, json=body) as response:
            return response.status


def service(data_dir: Path, ladder: Sequence[str], transcoder: Sequence[str], sandbox: Sandbox = "auto") -> Ingest:
    return Ingest(
        data_dir=data_dir,
        gate=Gate(SIGNER, TENANT, SystemClock()),
        clock=SystemClock(),
        media=MediaSettings(ladder=list(ladder), x264_preset="ultrafast", sandbox=sandbox),
        rtc=RtcSettings(),
        dvr=DvrSettings(),
        bind=["127.0.0.1"],
        whip_failures_per_minute=600,
        transcoder=transcoder,
    )


@contextlib.asynccontextmanager
async def serving(ingest: Ingest) -> AsyncIterator[int]:
    """The service behind a port of loopback."""
    app = application(body_limit=OFFER_MAX)
    app.add_routes(ingest.routes())
    await ingest.start()
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await ingest.close()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def running_ingest(
    data_dir: Path,
    ladder: Sequence[str] = ("240p",),
    transcoder: Sequence[str] = COMMAND,
    sandbox: Sandbox = "auto",
) -> AsyncIterator[Running]:
    ingest = service(data_dir, ladder, transcoder, sandbox)
    async with serving(ingest) as port, aiohttp.ClientSession() as http:
        yield Running(f"http://127.0.0.1:{port}", http, ingest)


@contextlib.asynccontextmanager
async def ingest_process(data_dir: Path, *transcoder: str) -> AsyncIterator[tuple[Running, asyncio.subprocess.Process]]:
    """An ingest in a process of its own, to be killed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.ingest.running_ingest", str(data_dir), *transcoder),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (line := await process.stdout.readline()).startswith(b"port "):
                assert line, "the ingest did not start"
        async with aiohttp.ClientSession() as http:
            yield Running(f"http://127.0.0.1:{int(line.split()[1])}", http), process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _serve_alone(data_dir: Path, transcoder: Sequence[str]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serving(service(data_dir, ("240p",), transcoder or COMMAND)) as port:
        print(f"port {port}", flush=True)  # noqa: T201 - for the parent
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve_alone(Path(sys.argv[1]), sys.argv[2:]))
