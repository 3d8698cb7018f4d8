"""What a soak runs against: a front and a replaying ingest as processes of their own, and viewers who read everything.

The ingest is `python -m ingest.replay` (the real channels, origin and archive, without presenters), the front is the one that
`plenum run` starts. Viewers are few and read as fast as media comes.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec

from loadtests.child import child
from loadtests.running_platform import TENANT, free_port
from plenum.clock import SystemClock
from plenum.identity import Principal, Role, Signer, new_subject
from plenum.registry import Registry
from plenum.settings import load
from plenum.store import Embedded, connect
from plenum.wire import SUBPROTOCOL, Kind, Subscribe, encode_client, unpack

START_S = 30.0
STOP_S = 10.0
LOOK_S = 0.1


class State(msgspec.Struct, frozen=True):
    """Of one process."""

    memory_mb: float
    descriptors: int


class Soaked:
    """The running pieces."""

    def __init__(self, url: str, event: str, link: str, signer: Signer, ingest: int, front: int, log: Path) -> None:
        self.url = url
        self.event = event
        self.link = link
        self.processes = {"ingest": ingest, "front": front}
        self.log = log
        self._signer = signer

    @property
    def root(self) -> str:
        """Of the event's playlists."""
        return f"{self.url}/live/{self.event}/{self._signer.delivery_key(TENANT, self.event, time.time())}"

    def ticket(self) -> str:
        principal = Principal(TENANT, self.event, Role.VIEWER, new_subject())
        return self._signer.ticket(principal, time.time())

    def state(self, name: str) -> State:
        folder = Path(f"/proc/{self.processes[name]}")
        status = (folder / "status").read_text()
        resident_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        return State(resident_kb / 1024, len(list((folder / "fd").iterdir())))


class _Ago:
    """The machine's clocks so many seconds ago."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def monotonic(self) -> float:
        return time.monotonic() - self._seconds

    def wall(self) -> float:
        return time.time() - self._seconds


@asynccontextmanager
async def soaked(folder: Path, feed: Path, minutes: float, speed: float) -> AsyncIterator[Soaked]:
    """Both processes, with a store and an event, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Embedded(folder / "store"))
        secret, port = secrets.token_hex(16), free_port()
        settings = load(
            {
                "data_dir": folder / "data",
                "auth": {"secret": secret},
                "redis": {"url": store.url},
                "server": {"host": "127.0.0.1", "port": port},
                "log": {"format": "json"},
            }
        )
        written = folder / "settings.json"
        written.write_text(settings.model_dump_json(), encoding="utf-8")
        redis = connect(store.url)
        stack.push_async_callback(redis.aclose)
        registry = Registry(redis, TENANT, SystemClock(), 10)
        event = (await registry.create("Two hours")).id
        # Live since when its first picture is dated: pages count from there.
        await Registry(redis, TENANT, _Ago((speed - 1) * minutes * 60), 10).went_live(event)
        code, _ = await registry.link(event, Role.VIEWER)
        log = folder / "soak.log"
        replay = ("--event", event, "--feed", str(feed), "--minutes", str(minutes), "--speed", str(speed))
        served = ("front", "--settings", str(written), "--name", "front-0")
        front = await stack.enter_async_context(child("deploy.process", *served, log=log, stop_s=STOP_S))
        await _serves(front, f"http://127.0.0.1:{port}/", log)
        played = ("--settings", str(written), *replay)
        ingest = await stack.enter_async_context(child("ingest.replay", *played, log=log, stop_s=STOP_S))
        url = f"http://127.0.0.1:{port}"
        yield Soaked(url, event, f"{url}/j/{code}", Signer(secret.encode()), ingest.pid, front.pid, log)


async def _serves(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as http:
        while process.returncode is None:
            with suppress(aiohttp.ClientError):
                async with http.get(url):
                    return
            await asyncio.sleep(LOOK_S)
    raise RuntimeError(f"a process of the soak ended; its log ends with:\n{log.read_text(errors='replace')[-2000:]}")


class Audience:
    """Some who watch by push, by LL-HLS and back from the start; what they read, and what went wrong."""

    def __init__(self, soak: Soaked) -> None:
        self._soak = soak
        self.parts = 0
        self.segments = 0
        self.pieces = 0
        self.bytes = 0
        self.faults: list[str] = []

    @asynccontextmanager
    async def watching(self, push: int, pull: int, back: int) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            people = [self._push(http) for _ in range(push)]
            people += [self._pull(http) for _ in range(pull)]
            people += [self._go_back(http) for _ in range(back)]
            tasks = [asyncio.create_task(person) for person in people]
            try:
                yield
            finally:
                self._note_ended(tasks)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _note_ended(self, tasks: list[asyncio.Task[None]]) -> None:
        """Nobody leaves by himself."""
        self.faults += [f"a viewer left: {task.exception() or 'closed'}" for task in tasks if task.done()]

    async def _push(self, http: aiohttp.ClientSession) -> None:
        headers = {"Authorization": f"Bearer {self._soak.ticket()}"}
        address = f"{self._soak.url}/live/{self._soak.event}/feed"
        async with http.ws_connect(address, protocols=[SUBPROTOCOL], headers=headers, max_msg_size=0) as socket:
            await socket.send_str(encode_client(Subscribe(("720p", "audio"))))
            async for message in socket:
                header, payload = unpack(message.data)
                self.parts += header.kind is Kind.PART
                self.bytes += len(payload)
                if header.kind in (Kind.GAP, Kind.BYE):
                    self.faults.append(f"push: {header.kind.name}")

    async def _pull(self, http: aiohttp.ClientSession) -> None:
        """Each segment of the live playlist."""
        root = f"{self._soak.root}/360p"
        text = await self._until_there(http, f"{root}/media.m3u8")
        msn = _last(text)
        while True:
            text = (await self._read(http, f"{root}/media.m3u8?_HLS_msn={msn}")).decode()
            newest = _last(text)
            for number in range(msn, newest + 1):
                await self._read(http, f"{root}/{number}.m4s")
                self.segments += 1
            msn = newest + 1

    async def _go_back(self, http: aiohttp.ClientSession) -> None:
        """The playlist from the start, its news twice a second, the whole now and then; pieces from anywhere in it."""
        root, dice = f"{self._soak.root}/720p", random.Random(7)
        pieces: list[tuple[str, str, str]] = []
        await self._until_there(http, f"{root}/dvr.m3u8")
        while True:
            pieces = _pieces((await self._read(http, f"{root}/dvr.m3u8")).decode())
            for _ in range(20):
                await self._read(http, f"{root}/dvr.m3u8?_HLS_skip=YES")
                length, at, name = dice.choice(pieces)
                headers = {"Range": f"bytes={at}-{int(at) + int(length) - 1}"}
                got = await self._read(http, f"{root}/{name}", headers)
                self.pieces += 1
                if len(got) != int(length):
                    self.faults.append(f"a piece of {length} bytes came with {len(got)}")
                await asyncio.sleep(0.5)

    async def _until_there(self, http: aiohttp.ClientSession, url: str) -> str:
        async with asyncio.timeout(START_S):
            while True:
                async with http.get(url) as answer:
                    text = await answer.text()
                    if answer.status == 200 and "#EXTINF" in text:
                        return text
                await asyncio.sleep(LOOK_S)

    async def _read(self, http: aiohttp.ClientSession, url: str, headers: dict[str, str] | None = None) -> bytes:
        async with http.get(url, headers=headers) as answer:
            body = await answer.read()
            if answer.status not in (200, 206):
                self.faults.append(f"{answer.status} for {url.rpartition('/')[2]}")
            self.bytes += len(body)
            return body


def _last(playlist: str) -> int:
    """The newest whole segment."""
    return max((int(number) for number in re.findall(r"^(\d+)\.m4s$", playlist, re.MULTILINE)), default=0)


def _pieces(playlist: str) -> list[tuple[str, str, str]]:
    """Length, offset and file of each segment."""
    found: list[tuple[str, str, str]] = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)", playlist)
    return found
