"""The origin's end of the feed: `GET /live/{event}/feed`, a WebSocket for relays (`plenum/wire.py`, `plenum.feed.1`).

Relays, recorders and tests are all the same to it: subscribers with a ticket. What surprises: the programme's state is
sent before anything was subscribed to, because a relay learns from it what there is.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSCloseCode, WSMsgType, web

from ingest import metrics as ours
from ingest.channel import ENDED, Channel, Channels, Subscriber
from plenum import metrics
from plenum.clock import Clock
from plenum.errors import BadInput, PlenumError, Unavailable
from plenum.identity import Role
from plenum.log import get_logger
from plenum.pace import Limiter
from plenum.web import Gate
from plenum.wire import SUBPROTOCOL, Bye, Progress, Resume, Subscribe, Unsubscribe, decode_client

log = get_logger("origin")

FEED_PATH = "/live/{event:[a-z0-9-]{1,48}}/feed"
MESSAGE_MAX = 16 * 1024
MESSAGES_PER_MINUTE = 600
MESSAGES_BURST = 20
HEARTBEAT_S = 10.0
CLOSE_WITHIN_S = 2.0
LAST_PARTS_WITHIN_S = 15.0
"""A subscriber that has not taken what waits and its farewell by then is cut off."""
RESTARTING = Bye("restarting", retry_ms=500)

CLOSE_CODES = {"ended": WSCloseCode.OK, "restarting": WSCloseCode.SERVICE_RESTART, "too_slow": 4008}


class Origin:
    """The feed's endpoint over the channels."""

    def __init__(self, channels: Channels, gate: Gate, clock: Clock) -> None:
        self._channels = channels
        self._gate = gate
        self._clock = clock
        self._closing = False
        self._open: set[asyncio.Task[object]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.get(FEED_PATH, self._feed)]

    async def close(self) -> None:
        """Everybody is told to come back, and the connections end."""
        self._closing = True
        for channel in list(self._channels):
            channel.dismiss_all(RESTARTING, self._clock.monotonic())
        if self._open:
            await asyncio.wait(self._open, timeout=2 * CLOSE_WITHIN_S)

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        event = request.match_info["event"]
        self._gate.check_socket_origin(request)
        self._gate.principal(request, event, Role.VIEWER)
        self._refuse_strangers(request)
        channel = self._channels.open(event)
        connection = _Connection(request, channel, self._clock)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler always runs in one
        self._open.add(task)
        try:
            return await connection.serve()
        finally:
            self._open.discard(task)
            self._channels.release(channel)

    def _refuse_strangers(self, request: web.Request) -> None:
        if self._closing:
            raise Unavailable("This origin is restarting.", code="restarting", retry_s=1)
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if SUBPROTOCOL not in (name.strip() for name in offered.split(",")):
            raise BadInput(f"Open a WebSocket with the subprotocol {SUBPROTOCOL}.", code="bad_subprotocol")


class _Connection:
    """One subscriber's socket: a reader in the handler, a writer beside it."""

    def __init__(self, request: web.Request, channel: Channel, clock: Clock) -> None:
        self._request = request
        self._channel = channel
        self._clock = clock
        self._news = asyncio.Event()
        self._subscriber = Subscriber(self._wake)
        self._cut: asyncio.TimerHandle | None = None
        self._pace = Limiter(MESSAGES_PER_MINUTE, MESSAGES_BURST, keys_max=1)
        self._socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            max_msg_size=MESSAGE_MAX,
            compress=False,
            heartbeat=HEARTBEAT_S,
            timeout=CLOSE_WITHIN_S,
        )

    async def serve(self) -> web.WebSocketResponse:
        self._channel.join(self._subscriber, self._clock.monotonic())
        ours.subscribers.inc()
        try:
            await self._socket.prepare(self._request)
            await self._converse()
        except ConnectionError:
            pass  # the other side is gone; it comes back when it wants to
        finally:
            ours.subscribers.dec()
            self._channel.leave(self._subscriber)
        return self._socket

    def _wake(self) -> None:
        self._news.set()
        bye = self._subscriber.farewell
        if bye is not None and self._cut is None:
            patience_s = LAST_PARTS_WITHIN_S if bye is ENDED else CLOSE_WITHIN_S
            self._cut = asyncio.get_running_loop().call_later(patience_s, self._abort)

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _converse(self) -> None:
        writer = asyncio.create_task(self._write(), name=f"feed-{self._channel.event}")
        try:
            await self._read()
        finally:
            if self._subscriber.farewell is None:
                writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer  # it may be about to close the socket, which ends the reader first
            if self._cut is not None:
                self._cut.cancel()

    async def _read(self) -> None:
        async for message in self._socket:
            if self._subscriber.farewell is not None:
                continue  # read on, so that the closing handshake is seen
            try:
                self._pace.take("", self._clock.monotonic())
                if message.type is not WSMsgType.TEXT:
                    raise BadInput("Messages to the feed are JSON text.", code="bad_message")
                self._take(message.data)
            except PlenumError as error:
                metrics.rejected.labels(reason=f"feed_{error.code}").inc()
                self._subscriber.dismiss(Bye(error.code, retry_ms=-1), self._clock.monotonic())

    def _take(self, text: str) -> None:
        match decode_client(text):
            case Subscribe() | Resume() as message:
                self._channel.choose(self._subscriber, message, self._clock.monotonic())
                self._news.set()
            case Unsubscribe():
                self._channel.choose(self._subscriber, Subscribe(), self._clock.monotonic())
            case Progress():
                pass  # the transport tells the origin enough about a relay

    async def _write(self) -> None:
        """Send what waits until there is a farewell and nothing before it."""
        while True:
            await self._news.wait()
            self._news.clear()
            while (message := self._subscriber.outbox.take(self._clock.monotonic())) is not None:
                await self._socket.send_bytes(message)
            if self._subscriber.farewell is not None:
                await self._close(self._subscriber.farewell)
                return

    async def _close(self, bye: Bye) -> None:
        code = CLOSE_CODES.get(bye.code, WSCloseCode.POLICY_VIOLATION)
        await self._socket.close(code=code, message=b"" if bye is ENDED else bye.code.encode())
