"""One upstream subscription per event that somebody here watches; it fills a window and tells who listens.

A relay never opens payloads. It outlives its upstream: when the origin restarts, the relay comes back with Resume and
the viewers of this edge notice at most a pause. `Relays` owns the tasks and drops a relay LINGER_S after its last use.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import aiohttp

from plenum import metrics
from plenum.clock import Clock
from plenum.errors import BadInput, Unavailable
from plenum.log import get_logger
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
from sfu.frames import Frame, frame
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

Listener = Callable[[Frame, Heard], None]


class Upstream:
    """How to reach the feed: `unix:/path` of the ingest on this machine, or `ws(s)://host` of an origin or edge."""

    def __init__(self, address: str, node_ticket: Callable[[str], str]) -> None:
        self._path = address.removeprefix("unix:") if address.startswith("unix:") else ""
        self._base = "http://ingest" if self._path else address.rstrip("/")
        self._node_ticket = node_ticket
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        connector = aiohttp.UnixConnector(self._path, limit=0) if self._path else aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def connect(self, event: str) -> aiohttp.ClientWebSocketResponse:
        """A feed connection, with a node ticket made for it."""
        if self._session is None:
            raise Unavailable("This edge has not been started.", code="not_started")
        return await self._session.ws_connect(
            f"{self._base}/live/{event}/feed",
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
        self._upstream = upstream
        self._clock = clock
        self._users = 0
        self._last_used = clock.monotonic()
        self._retry_s = BACKOFF_MIN_S

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

    async def run(self) -> None:
        """Follow upstream until the event has ended, through every broken connection."""
        jitter = random.SystemRandom()
        while not self.window.ended:
            outcome = await self._attempt()
            measures.upstreams.labels(outcome=outcome).inc()
            if not self.window.ended:
                log.info("upstream_away", event_id=self.event, outcome=outcome, retry_s=self._retry_s)
                await asyncio.sleep(self._retry_s * jitter.uniform(0.5, 1.5))
                self._retry_s = min(self._retry_s * 2, max(BACKOFF_MAX_S, self._retry_s))

    async def _attempt(self) -> str:
        try:
            await self._follow()
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
        return "closed"

    async def _follow(self) -> None:
        """One connection, until it breaks or upstream closes it."""
        async with await self._upstream.connect(self.event) as socket:
            await socket.send_str(encode_client(self._greeting()))
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._hear(frame(message.data))

    def _greeting(self) -> ClientMessage:
        """All renditions, from where the window stands."""
        point, epoch = self.window.resume_point(), self.window.epoch
        if point is None or epoch is None:
            return Subscribe((EVERYTHING,))
        return Resume(epoch=epoch, msn=point[0], part=point[1], renditions=(EVERYTHING,))

    def _hear(self, heard: Frame) -> None:
        if heard.header.kind is Kind.BYE:
            retry_ms = as_bye(heard.payload).retry_ms
            self._retry_s = retry_ms / 1000 if retry_ms >= 0 else REFUSED_S
            return
        self._retry_s = BACKOFF_MIN_S
        meaning = self.window.accept(heard)
        if meaning is Heard.IGNORED:
            measures.ignored.inc()
            return
        for listener in self.listeners:
            listener(heard, meaning)
        if meaning is Heard.PART:
            self.waiting.wake(heard.header.rendition)
        elif meaning is not Heard.INIT:
            self.waiting.wake_all()


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
            now = self._clock.monotonic()
            for event in [event for event, relay in self._relays.items() if relay.is_idle(now)]:
                await self._drop(event)

    async def _drop(self, event: str) -> None:
        relay, task = self._relays.pop(event), self._tasks.pop(event)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for listener in self.on_drop:
            await listener(relay)
