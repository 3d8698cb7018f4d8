"""Records the push feed as an edge would, every rendition at once, and gives it back as files that FFmpeg reads."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from loadtests.swarm.checks import Address, digest
from loadtests.users.continuity import FeedContinuity
from plenum.media import Init, Part, Programme, ProgrammeState, Rendition
from plenum.wire import SUBPROTOCOL, Kind, Subscribe, as_init, as_part, as_programme, encode_client, unpack


class Recording:
    """What came over one feed connection, in order of arrival."""

    def __init__(self) -> None:
        self.programmes: list[Programme] = []
        self.inits: dict[tuple[int, int], Init] = {}
        self.parts: dict[int, list[Part]] = defaultdict(list)
        self.closed = False
        self.faults: list[str] = []
        """What did not follow from what came before."""
        self._continuity = FeedContinuity()
        self._news = asyncio.Condition()

    @property
    def programme(self) -> Programme:
        return self.programmes[-1]

    def rendition(self, name: str) -> Rendition:
        """Raises LookupError."""
        found = self.programme.find(name)
        if found is None:
            raise LookupError(f"no rendition {name} among {[r.name for r in self.programme.renditions]}")
        return found

    def segments(self, name: str) -> list[int]:
        """Whole segments, by media sequence number."""
        parts = self.parts[self.rendition(name).id]
        opened = {part.msn for part in parts if part.index == 0}
        return sorted(opened & {part.msn for part in parts if part.last})

    def film(self, name: str, first_msn: int = 0, last_msn: int | None = None) -> bytes:
        """Init segment and whole segments of one rendition, from one media sequence number to another.

        Raises ValueError where an encoder was replaced in between.
        """
        number = self.rendition(name).id
        whole = {msn for msn in self.segments(name) if msn >= first_msn and (last_msn is None or msn <= last_msn)}
        parts = [part for part in self.parts[number] if part.msn in whole]
        if len({part.init_id for part in parts}) != 1:
            raise ValueError("the recording is empty or spans a new encoder")
        return self.inits[number, parts[0].init_id].data + b"".join(part.data for part in parts)

    def forget(self) -> None:
        """Keep only the last part of each rendition: who looks for what comes next needs no more."""
        for parts in self.parts.values():
            del parts[:-1]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20) -> None:
        """Wait until `condition()` holds; it is asked after every message."""
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(condition)

    async def until_state(self, state: ProgrammeState, timeout_s: float = 20) -> None:
        await self.until(lambda: bool(self.programmes) and self.programme.state is state, timeout_s)

    async def until_segments(self, count: int, timeout_s: float = 40) -> None:
        """Until every rendition has so many whole segments."""

        def enough() -> bool:
            renditions = self.programme.renditions if self.programmes else ()
            return bool(renditions) and all(len(self.segments(r.name)) >= count for r in renditions)

        await self.until(enough, timeout_s)

    async def hear(self, message: bytes) -> Programme | None:
        """Take one message; returns a programme when it came."""
        header, payload = unpack(message)
        if fault := self._continuity.fault(header):
            self.faults.append(f"{fault} (rendition {header.rendition}, {header.msn}.{header.part})")
        programme = None
        if header.kind is Kind.RENDITIONS:
            programme = as_programme(payload)
            self.programmes.append(programme)
        elif header.kind is Kind.INIT:
            self.inits[header.rendition, header.init_id] = as_init(header, payload)
        elif header.kind is Kind.PART:
            self.parts[header.rendition].append(as_part(header, payload))
        async with self._news:
            self._news.notify_all()
        return programme


class Witness(Recording):
    """Knows what each part's payload was, and keeps none of them."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[Address, bytes] = {}

    async def hear(self, message: bytes) -> Programme | None:
        programme = await super().hear(message)
        header, payload = unpack(message)
        if header.kind is Kind.PART:
            names = {r.id: r.name for r in self.programme.renditions}
            self._made[names[header.rendition], header.msn, header.part] = digest(bytes(payload))
            self.forget()
        return programme

    def source(self, address: Address) -> bytes | None:
        return self._made.get(address)


@asynccontextmanager
async def witnessing(url: str, event: str, ticket: str) -> AsyncIterator[Witness]:
    """Every rendition's digests for as long as the block lasts, or the server does."""
    witness = Witness()
    async with _heard(url, event, ticket, witness):
        yield witness


@asynccontextmanager
async def recording(url: str, event: str, ticket: str) -> AsyncIterator[Recording]:
    """Watch every rendition for as long as the block lasts."""
    tape = Recording()
    async with _heard(url, event, ticket, tape):
        yield tape


@asynccontextmanager
async def _heard(url: str, event: str, ticket: str, tape: Recording) -> AsyncIterator[None]:
    address = f"{url.replace('http', 'ws', 1)}/live/{event}/feed"
    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {ticket}"}
        async with http.ws_connect(address, protocols=[SUBPROTOCOL], headers=headers, max_msg_size=0) as socket:
            listening = asyncio.create_task(_listen(socket, tape, ticket))
            try:
                yield
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)


async def _listen(socket: aiohttp.ClientWebSocketResponse, tape: Recording, ticket: str) -> None:
    names: tuple[str, ...] = ()
    await socket.send_str(encode_client(Subscribe(names, ticket)))
    async for message in socket:
        programme = await tape.hear(message.data)
        if programme is not None and (wanted := tuple(r.name for r in programme.renditions)) != names:
            names = wanted
            await socket.send_str(encode_client(Subscribe(names, ticket)))
    tape.closed = True
