"""`GET /live/{event}/feed`: the feed to players and to edges further down, one WebSocket each.

Who asks is known by a bearer ticket, the page's cookie, or a ticket in the first message, which must come within
FIRST_MESSAGE_S and says which renditions, or where to resume. What is sent is the room's matter. A page of another site
never gets this far (`Gate.check_socket_origin`).
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from typing import Protocol

from aiohttp import WSMessage, WSMsgType, hdrs, web

from plenum import metrics
from plenum.clock import Clock
from plenum.errors import BadInput, Forbidden, PlenumError, TooMany, Unauthorized, Unavailable
from plenum.event import check_id
from plenum.identity import FEED, Principal, Role
from plenum.log import get_logger
from plenum.masking import MaskGuard, ShortText, insist_on_masks
from plenum.pace import Limiter
from plenum.places import Places
from plenum.web import Gate, bearer_token
from plenum.wire import SUBPROTOCOL, Bye, ClientMessage, Progress, Resume, Subscribe, Unsubscribe, decode_client
from sfu.client import Client
from sfu.room import Room

log = get_logger("push")

FIRST_MESSAGE_S = 5.0
PING_S = 20.0
"""A ping so often; no sign of life for half of it after one: the connection is closed."""
MAX_MESSAGE = 16 * 1024
MESSAGES_PER_MINUTE = 600
MESSAGE_BURST = 20
REPORT = b'{"t":"progress"'
NOTSENT_LOWAT = 16 * 1024
USER_TIMEOUT_MS = 20_000
CLOSE_UNAUTHORIZED = 4401
CLOSE_TOO_MANY = 4429
CLOSE_UNSUPPORTED = 1003
RETRY_LATER_MS = 5_000
DRAINED_S = 10.0


class Limits:
    """How many sockets: of this process (with those of other tiers), of an event, of one person in an event."""

    def __init__(self, places: Places, event: int, person: int) -> None:
        self.places = places
        self.event = event
        self.person = person


class Rooms(Protocol):
    """Where the viewers of an event are; `open` also starts following its upstream feed."""

    def find(self, event: str) -> Room | None: ...

    def open(self, event: str) -> Room: ...


class Push:
    """The feed's endpoint."""

    def __init__(self, rooms: Rooms, gate: Gate, clock: Clock, limits: Limits) -> None:
        self._rooms = rooms
        self._gate = gate
        self._clock = clock
        self._limits = limits
        self.is_draining = False
        """Nobody new: this edge is about to go."""
        self._persons: Counter[tuple[str, str]] = Counter()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/live/{event}/feed", self.feed)]

    async def feed(self, request: web.Request) -> web.StreamResponse:
        event = check_id(request.match_info["event"])
        self._gate.check_socket_origin(request)
        principal = self._from_request(request, event)
        _check_subprotocol(request)
        self._check_room_left(event, principal)
        answer = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), max_msg_size=MAX_MESSAGE, compress=False, heartbeat=PING_S, timeout=1.0
        )
        with self._limits.places.one(), suppress(ConnectionError):  # who left in the middle of it need not be told
            await answer.prepare(request)
            guard = insist_on_masks(request)
            if request.transport is not None and guard is not None:
                _tune(request.transport)
                await self._serve(answer, guard, request.transport, event, principal)
        return answer

    def _from_request(self, request: web.Request, event: str) -> Principal | None:
        """Who the headers say it is; None where the first message has to say. Raises on a bad bearer ticket."""
        try:
            return self._gate.principal(request, event)
        except (Unauthorized, Forbidden):
            if bearer_token(request):
                metrics.rejected.labels(reason="feed_ticket").inc()
                raise
            return None

    def _check_room_left(self, event: str, principal: Principal | None) -> None:
        """Before the upgrade, as far as it is known who asks."""
        if self.is_draining:
            metrics.rejected.labels(reason="draining").inc()
            raise Unavailable("This edge is about to stop. Try another.", code="draining", retry_s=DRAINED_S)
        if self._limits.places.are_full:
            raise _full()
        if principal is not None and not self._is_here(event, principal):
            self._check_seat(event, principal)

    def _check_seat(self, event: str, person: Principal) -> None:
        """People are counted, not lines; edges further down have been counted in their own places."""
        room = self._rooms.find(event)
        if person.role is not Role.ADMIN and room is not None and room.viewers >= self._limits.event:
            raise _full()

    def _is_here(self, event: str, person: Principal) -> bool:
        return self._persons[event, person.subject] > 0

    async def _serve(
        self,
        answer: web.WebSocketResponse,
        guard: MaskGuard,
        transport: asyncio.Transport,
        event: str,
        principal: Principal | None,
    ) -> None:
        client = Client(answer, transport)
        try:
            first = await self._first_message(answer)
            person = principal or self._gate.ticket(first.ticket, event, use=FEED)
            self._admit(event, person, first)
        except PlenumError as error:
            _refuse(client, error)
        else:
            client = Client(answer, transport, is_edge=person.role is Role.ADMIN, is_beside=first.beside)
            await self._watch(answer, guard, client, event, first, person)
        finally:
            await client.close()

    async def _watch(
        self,
        answer: web.WebSocketResponse,
        guard: MaskGuard,
        client: Client,
        event: str,
        first: Subscribe | Resume,
        person: Principal,
    ) -> None:
        try:
            room = self._rooms.open(event)
            with room.relay.used():
                pace = Limiter(MESSAGES_PER_MINUTE, MESSAGE_BURST, keys_max=1)
                try:
                    room.enter(client, first)
                    guard.on_short_text = self._reports(room, client, pace)
                    await client.stay(self._listen(answer, room, client, pace))
                finally:
                    guard.on_short_text = None
                    room.leave(client)
        except PlenumError as error:
            _refuse(client, error)
        finally:
            self._release(event, person)

    async def _first_message(self, answer: web.WebSocketResponse) -> Subscribe | Resume:
        try:
            message = await answer.receive(timeout=FIRST_MESSAGE_S)
        except TimeoutError:
            raise BadInput("Nothing was subscribed to in time.", code="no_subscription") from None
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            raise ConnectionResetError
        first = _decode(message)
        if not isinstance(first, Subscribe | Resume):
            raise BadInput("The first message is subscribe or resume.", code="no_subscription")
        return first

    def _admit(self, event: str, person: Principal, first: Subscribe | Resume) -> None:
        """Raises Unavailable `too_many_viewers`, TooMany `too_many_sockets`. Node tickets are not a person's."""
        key = (event, person.subject)
        if not (first.beside and self._is_here(event, person)):  # the second line of somebody who is counted
            self._check_seat(event, person)
        if person.role is not Role.ADMIN and self._persons[key] >= self._limits.person:
            raise TooMany("You have this event open too often.", code="too_many_sockets", retry_s=RETRY_LATER_MS / 1000)
        self._persons[key] += 1

    def _release(self, event: str, person: Principal) -> None:
        key = (event, person.subject)
        self._persons[key] -= 1
        if self._persons[key] <= 0:
            del self._persons[key]

    def _reports(self, room: Room, client: Client, pace: Limiter) -> ShortText:
        """Reports are most of what viewers say: they are read where they arrive, without waking the viewer's task."""

        def take(text: bytes) -> bool:
            if not text.startswith(REPORT):
                return False
            try:
                pace.take("", self._clock.monotonic())
                self._act(room, client, decode_client(text))
            except PlenumError as error:
                _refuse(client, error)
            return True

        return take

    async def _listen(self, answer: web.WebSocketResponse, room: Room, client: Client, pace: Limiter) -> None:
        """The viewer's messages, until it leaves or misbehaves."""
        async for message in answer:
            try:
                pace.take("", self._clock.monotonic())
                self._act(room, client, _decode(message))
            except PlenumError as error:
                _refuse(client, error)
                return

    def _act(self, room: Room, client: Client, message: ClientMessage) -> None:
        if isinstance(message, Progress):
            room.hear(client, message)
        elif isinstance(message, Unsubscribe):
            room.choose(client, Subscribe())
        else:
            room.choose(client, message)


def _decode(message: WSMessage) -> ClientMessage:
    if message.type is not WSMsgType.TEXT:
        raise BadInput("Messages to the feed are JSON text.", code="not_text")
    return decode_client(message.data)


def _check_subprotocol(request: web.Request) -> None:
    offered = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "")
    if SUBPROTOCOL not in (name.strip() for name in offered.split(",")):
        raise BadInput(f"Open this WebSocket with the subprotocol {SUBPROTOCOL}.", code="bad_subprotocol")


def _full() -> Unavailable:
    metrics.rejected.labels(reason="too_many_viewers").inc()
    return Unavailable("This edge is full. Try another.", code="too_many_viewers", retry_s=RETRY_LATER_MS / 1000)


def _refuse(client: Client, error: PlenumError) -> None:
    metrics.rejected.labels(reason="feed_" + error.code).inc()
    client.dismiss(_bye(error), _close_code(error))


def _bye(error: PlenumError) -> Bye:
    """A refusal that a retry cannot change says never; one about load says when."""
    return Bye(error.code, -1 if error.retry_s is None else round(error.retry_s * 1000))


def _close_code(error: PlenumError) -> int:
    if isinstance(error, Unauthorized | Forbidden):
        return CLOSE_UNAUTHORIZED
    if isinstance(error, TooMany):
        return CLOSE_TOO_MANY
    return CLOSE_UNSUPPORTED if error.code == "not_text" else 1008


def _tune(transport: asyncio.Transport) -> None:
    """Keep what is not sent yet in our own buffer, where a slow reader shows; give up on a dead one."""
    link = transport.get_extra_info("socket")
    if link is None or link.family not in (socket.AF_INET, socket.AF_INET6):
        return
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in (("TCP_NOTSENT_LOWAT", NOTSENT_LOWAT), ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS)):
        number = getattr(socket, option, None)
        if number is not None:
            link.setsockopt(socket.IPPROTO_TCP, number, value)
