"""One upstream subscription per event that somebody here watches; it fills a window and tells who listens.

A relay never opens payloads. It asks upstream for the renditions that somebody here needs (`demand.py`) and for no other;
the ingest on the same machine for all. It outlives its upstream: when that restarts, or sends it to the next address, the
relay comes back with Resume and the viewers of this edge notice at most a pause. `Relays` owns the tasks and drops a relay
LINGER_S after its last use.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import aiohttp

from plenum import metrics
from plenum.clock import Clock
from plenum.errors import BadInput, Unavailable
from plenum.log import get_logger
from plenum.media import ProgrammeState
from plenum.wire import (
    EVERYTHING,
    MAX_MESSAGE,
    SUBPROTOCOL,
    ClientMessage,
    Kind,
    Resume,
    Subscribe,
    as_bye,
    encode_client,
)
from sfu import measures
from sfu.demand import Demand
from sfu.frames import Frame, frame
from sfu.reach_back import ReachBack
from sfu.waiting import Bound, Waiting
from sfu.window import Heard, Window

log = get_logger("relay")

LINGER_S = 60.0
REAP_EVERY_S = 5.0
MAX_EVENTS = 64
"""Events relayed at a time; each may hold `window.LIMIT_BYTES`."""
BACKOFF_MIN_S = 0.1
BACKOFF_MAX_S = 2.0
REFUSED_S = 30.0
"""Upstream said never to come back. This edge asks again all the same, rarely: a setting may have been put right."""
HEARTBEAT_S = 10.0
CONNECT_S = 3.0
HANDSHAKE_S = 5.0
SILENT_S = 5.0
"""Nothing for so long, while the programme is on, that was of use here: the line or upstream is dead, or says old things."""
STEER_EVERY_S = 0.1
"""At most so often is another choice sent upstream, which takes ten messages a second."""

Listener = Callable[[Frame, Heard], None]


class Upstream:
    """How to reach the feed: `unix:/path` of the ingest on this machine, or addresses of origins and edges, best first."""

    def __init__(
        self, addresses: str | Sequence[str], node_ticket: Callable[[str], str], tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls`: whom to trust, where upstream's certificate is not one that every machine knows."""
        given = (addresses,) if isinstance(addresses, str) else tuple(addresses)
        self._path = given[0].removeprefix("unix:") if given[0].startswith("unix:") else ""
        self.bases = ("http://ingest",) if self._path else tuple(map(_http, given))
        self.tls: ssl.SSLContext | bool = True if tls is None else tls
        self._node_ticket = node_ticket
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_local(self) -> bool:
        """The ingest beside us: all renditions cost nothing and are warm for whoever comes."""
        return bool(self._path)

    def __len__(self) -> int:
        return len(self.bases)

    def start(self) -> None:
        connector = (
            aiohttp.UnixConnector(self._path, limit=0) if self._path else aiohttp.TCPConnector(limit=0, ssl=self.tls)
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def connect(self, event: str, number: int) -> aiohttp.ClientWebSocketResponse:
        """A feed connection to the address of this number (they go round), with a node ticket made for it."""
        if self._session is None:
            raise Unavailable("This edge has not been started.", code="not_started")
        async with asyncio.timeout(HANDSHAKE_S):  # one that takes connections and says nothing is away too
            return await self._session.ws_connect(
                f"{self.bases[number % len(self.bases)]}/live/{event}/feed",
                protocols=(SUBPROTOCOL,),
                headers={"Authorization": f"Bearer {self._node_ticket(event)}"},
                heartbeat=HEARTBEAT_S,
                max_msg_size=MAX_MESSAGE,
                compress=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class Relay:
    """The upstream feed of one event."""

    def __init__(self, event: str, upstream: Upstream, clock: Clock, bound: Bound) -> None:
        self.event = event
        self.window = Window()
        self.waiting = Waiting(bound)
        self.listeners: list[Listener] = []
        self.watched: Callable[[], Iterable[str]] = tuple
        """The renditions that push viewers take (`Room.demand`); asked for after `look_again`."""
        self._upstream = upstream
        self._clock = clock
        self._demand = Demand()
        self._asked: frozenset[str] = frozenset()
        """What upstream was asked for on this connection."""
        self._reach_back = ReachBack()
        self._changed = asyncio.Event()
        self._number = 0
        """Which of the upstream's addresses."""
        self._users = 0
        self._last_used = clock.monotonic()
        self._retry_s = BACKOFF_MIN_S
        self._useful_at = clock.monotonic()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Somebody needs this relay for as long as the block runs."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._last_used = self._clock.monotonic()

    def is_idle(self, now: float) -> bool:
        return self._users == 0 and now - self._last_used >= LINGER_S

    def look_again(self) -> None:
        """What push viewers take may have changed. Cheap: looked at once for all who came and went meanwhile."""
        self._changed.set()

    def pull(self, name: str) -> None:
        """A player asks for this rendition by LL-HLS."""
        self._demand.pull(name, self._clock.monotonic())
        if name not in self._asked:
            self._changed.set()

    def reach_back(self, place: Resume) -> None:
        """Somebody needs what follows this part: what is begun with from now on, begins there if upstream still holds it."""
        self._reach_back.claim(place, self._clock.monotonic())

    async def run(self) -> None:
        """Follow upstream until the event has ended, through every broken connection."""
        jitter = random.SystemRandom()
        while not self.window.ended:
            outcome = await self._attempt()
            measures.upstreams.labels(outcome=outcome).inc()
            self._number += 1
            if not self.window.ended:
                log.info("upstream_away", event_id=self.event, outcome=outcome, retry_s=self._retry_s)
                if self._number % len(self._upstream):
                    continue  # the next address at once
                await asyncio.sleep(self._retry_s * jitter.uniform(0.5, 1.5))
                self._retry_s = min(self._retry_s * 2, max(BACKOFF_MAX_S, self._retry_s))

    async def _attempt(self) -> str:
        try:
            return await self._follow()
        except aiohttp.WSServerHandshakeError as error:
            return f"refused_{error.status}"
        except BadInput as error:
            return error.code
        except (aiohttp.ClientError, OSError, TimeoutError):
            return "unreachable"
        except Exception:
            # The outermost frame of this event's task: a defect here must not take the event off this edge for good.
            log.exception("relay_failed", event_id=self.event)
            return "failed"

    async def _follow(self) -> str:
        """One connection, until it breaks, upstream closes it or sends us to another."""
        async with await self._upstream.connect(self.event, self._number) as socket:
            self._asked = frozenset()
            self._useful_at = self._clock.monotonic()
            await self._go_on(socket)
            steering = asyncio.create_task(self._steer(socket), name=f"steer-{self.event}")
            try:
                return await self._listen(socket)
            finally:
                steering.cancel()
                await asyncio.gather(steering, return_exceptions=True)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        while True:
            try:
                async with asyncio.timeout(self._patience_s()):
                    message = await socket.receive()
            except TimeoutError:
                return "silent"
            if message.type is aiohttp.WSMsgType.BINARY:
                heard = frame(message.data)
                if heard.header.kind is Kind.MOVE and len(self._upstream) > 1:
                    return "moved"
                self._hear(heard)
            elif message.type is not aiohttp.WSMsgType.TEXT:
                return "closed"

    def _patience_s(self) -> float | None:
        """A programme that is on gives a part every 200 ms, also with nobody on air; one that we have already is none."""
        programme = self.window.programme
        is_on = programme is not None and programme.state in (ProgrammeState.LIVE, ProgrammeState.SLATE)
        if not is_on or not self._asked:
            return None
        return max(0.0, SILENT_S - (self._clock.monotonic() - self._useful_at))

    async def _go_on(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """The first message: what flowed goes on after the last part of it, what else is wanted begins."""
        wanted, window = self._wanted(), self.window
        flowing = wanted if EVERYTHING in wanted else wanted & window.flowing
        point = window.resume_point(None if EVERYTHING in wanted else flowing)
        if point is not None and window.epoch is not None:
            place = Resume(epoch=window.epoch, msn=point[0], part=point[1], renditions=_listed(flowing))
            self._asked = flowing
            await socket.send_str(encode_client(place))
            if wanted == flowing:
                return
        await self._ask(socket, wanted)

    async def _steer(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ask for something else when something else is wanted, as long as the connection stands."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._demand.due_s(self._clock.monotonic())):
                    await self._changed.wait()
            wanted = self._wanted()
            if wanted != self._asked:
                await self._ask(socket, wanted)
            await asyncio.sleep(STEER_EVERY_S)

    async def _ask(self, socket: aiohttp.ClientWebSocketResponse, wanted: frozenset[str]) -> None:
        if EVERYTHING not in wanted:
            self.window.stop(self._asked - wanted if EVERYTHING not in self._asked else self.window.names - wanted)
        self._asked = wanted
        self._useful_at = self._clock.monotonic()  # from now on something is to come
        await socket.send_str(encode_client(self._choice(wanted)))

    def _choice(self, wanted: frozenset[str]) -> ClientMessage:
        """What is new begins with the current segment, or earlier where somebody was at an earlier part elsewhere."""
        programme = self.window.programme
        epoch = programme.epoch if programme and programme.renditions else None
        place = self._reach_back.place(epoch, self._clock.monotonic())
        if place is None or not wanted:
            return Subscribe(_listed(wanted))
        self._reach_back.clear()
        # Before its first part: it begins with a whole segment, as a window needs it.
        return Resume(epoch=place[0], msn=place[1], part=-1, renditions=_listed(wanted))

    def _wanted(self) -> frozenset[str]:
        self._changed.clear()
        if self._upstream.is_local:
            return frozenset((EVERYTHING,))
        now = self._clock.monotonic()
        self._demand.push(self.watched(), now)
        return frozenset(self._demand.wanted(self.window.names, now))

    def _hear(self, heard: Frame) -> None:
        if heard.header.kind is Kind.BYE:
            retry_ms = as_bye(heard.payload).retry_ms
            self._retry_s = retry_ms / 1000 if retry_ms >= 0 else REFUSED_S
            return
        self._retry_s = BACKOFF_MIN_S
        meaning = Heard.IGNORED if self._is_unasked(heard) else self.window.accept(heard)
        if meaning is Heard.IGNORED:
            measures.ignored.inc()
            return
        self._useful_at = self._clock.monotonic()
        for listener in self.listeners:
            listener(heard, meaning)
        if meaning is Heard.PART:
            self.waiting.wake(heard.header.rendition)
        elif meaning is not Heard.INIT:
            self.waiting.wake_all()
        if meaning is Heard.PROGRAMME:
            self._changed.set()  # names that viewers gave may be in it now

    def _is_unasked(self, heard: Frame) -> bool:
        """A part that was on its way when its rendition was no longer asked for: it would be the start of a torn segment."""
        if heard.header.kind is not Kind.PART or EVERYTHING in self._asked:
            return False
        track = self.window.tracks.get(heard.header.rendition)
        return track is None or track.rendition.name not in self._asked


def _http(address: str) -> str:
    """`wss://host` and `https://host` are the same place; the feed and what is asked by plain HTTP lie side by side."""
    base = address.rstrip("/")
    return base.replace("ws", "http", 1) if base.startswith("ws") else base


def _listed(names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


class Relays:
    """The relays of this edge, by event: opened when first needed, dropped when nobody needs them any more."""

    def __init__(self, upstream: Upstream, clock: Clock, held_requests: int) -> None:
        self.on_open: list[Callable[[Relay], None]] = []
        self.on_drop: list[Callable[[Relay], Awaitable[None]]] = []
        self._upstream = upstream
        self._clock = clock
        self._bound = Bound(held_requests)
        self._relays: dict[str, Relay] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reaper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._upstream.start()
        self._reaper = asyncio.create_task(self._reap(), name="sfu-reaper")

    async def close(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            with suppress(asyncio.CancelledError):
                await self._reaper
        for event in list(self._relays):
            await self._drop(event)
        await self._upstream.close()

    def find(self, event: str) -> Relay | None:
        return self._relays.get(event)

    def release_held(self) -> None:
        """Requests that wait for what comes are answered now."""
        for relay in self._relays.values():
            relay.waiting.close()

    def open(self, event: str) -> Relay:
        """The event's relay. Raises Unavailable `too_many_events` where this edge carries too many already."""
        relay = self._relays.get(event)
        return relay if relay is not None else self._add(event)

    def _add(self, event: str) -> Relay:
        if len(self._relays) >= MAX_EVENTS:
            metrics.rejected.labels(reason="too_many_events").inc()
            raise Unavailable("This edge carries too many events. Try another.", code="too_many_events", retry_s=10)
        relay = Relay(event, self._upstream, self._clock, self._bound)
        self._relays[event] = relay
        for listener in self.on_open:
            listener(relay)
        self._tasks[event] = asyncio.create_task(relay.run(), name=f"relay-{event}")
        return relay

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(REAP_EVERY_S)
            for event, relay in list(self._relays.items()):
                # Asked right before: while another one was dropped, somebody may have come to this one.
                if self._relays.get(event) is relay and relay.is_idle(self._clock.monotonic()):
                    await self._drop(event)

    async def _drop(self, event: str) -> None:
        relay, task = self._relays.pop(event), self._tasks.pop(event)
        task.cancel()
        try:
            await asyncio.gather(
                task, return_exceptions=True
            )  # suppressing would swallow that we are cancelled ourselves
        finally:
            for listener in self.on_drop:
                await listener(relay)
