"""One open socket: hello, then commands until it closes. Says what `Desk` and `Room` answer, decides nothing itself.

Frames are written straight to the transport (FACTS.md 13); what a page sends faster than its pace is read slower. Votes do
not wait for each other: their answers come when their group is committed. Asks and moderation go one after the other.
"""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from plenum import metrics
from plenum.clock import Clock
from plenum.errors import BadInput, PlenumError, TooMany, Unavailable
from plenum.identity import Principal, Role, Signer
from plenum.log import get_logger
from plenum.pace import Limiter
from plenum.web import Gate
from qna import policy, protocol
from qna.desk import Desk
from qna.hub import COME_BACK_MS, Seat
from qna.room import Room, tick_hz
from qna.store import store_unavailable

log = get_logger("qna.socket")

HELLO_S = 5.0
HEARTBEAT_S = 20.0
"""A WebSocket ping so often; no sign of life for half of it after one: the connection is closed."""
CLOSE_S = 2.0
ENTRY_S = 1.0
MESSAGE_BURST = 20
NOTSENT_LOWAT = 16 * 1024
USER_TIMEOUT_MS = 20_000
UNSENT_MAX = 4 * 1024 * 1024
"""More than this unsent, whatever it is: the connection is cut."""
NEVER = -1


class SocketWire:
    """A seat's connection: whole frames in, nothing raised when the viewer has gone."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        link = transport.get_extra_info("socket")
        if link is not None and link.family in (socket.AF_INET, socket.AF_INET6):
            # What is not sent yet stays in our own buffer, where a slow reader shows; a dead one is given up.
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option, value in (("TCP_NOTSENT_LOWAT", NOTSENT_LOWAT), ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS)):
                number = getattr(socket, option, None)
                if number is not None:
                    link.setsockopt(socket.IPPROTO_TCP, number, value)

    def write(self, frame: bytes) -> None:
        if self._transport.is_closing():  # under uvloop a write would raise (FACTS.md 13)
            return
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > UNSENT_MAX:
            self._transport.abort()

    def backlog(self) -> int:
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def abort(self) -> None:
        self._transport.abort()


class House(Protocol):
    """Where the rooms are, and how many sockets a person holds (`qna.service.Qna`)."""

    def room(self, event: str) -> tuple[Room, Desk]: ...

    def sit(self, event: str, person: str) -> None: ...

    def leave(self, event: str, person: str) -> None: ...


class Conversation:
    """One socket, from the upgrade to the close."""

    def __init__(
        self,
        answer: web.WebSocketResponse,
        transport: asyncio.Transport,
        event: str,
        house: House,
        gate: Gate,
        signer: Signer,
        clock: Clock,
        messages_per_s: float,
    ) -> None:
        self.seat = Seat(SocketWire(transport))
        self._answer = answer
        self._transport = transport
        self._event = event
        self._house = house
        self._gate = gate
        self._signer = signer
        self._clock = clock
        self._pace = Limiter(messages_per_s * 60, MESSAGE_BURST, keys_max=1)
        self._entering: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the viewer leaves, misbehaves, or is dismissed."""
        try:
            principal, hello = await self._greet()
        except PlenumError as error:
            await self.dismiss(error.code, _come_back(error), WSCloseCode.POLICY_VIOLATION)
            return
        person = self._signer.person_hash(self._event, principal.subject)
        try:
            self._house.sit(self._event, person)
        except TooMany as error:
            metrics.rejected.labels(reason="qna_" + error.code).inc()
            await self.dismiss(error.code, _come_back(error), WSCloseCode.TRY_AGAIN_LATER)
            return
        room, desk = self._house.room(self._event)
        try:
            self._enter(room, principal, person, hello)
            await self._converse(room, desk, principal, person)
        finally:
            if self._entering is not None:
                self._entering.cancel()
            room.hub.remove(self.seat)
            self._house.leave(self._event, person)

    async def dismiss(self, code: str, retry_ms: int, close: int) -> None:
        """Say goodbye and close, without waiting long for a reader that does not read."""
        self.seat.say(protocol.Bye(code, retry_ms))
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._answer.close(code=close, message=code.encode())
        except (TimeoutError, ConnectionError):
            pass
        self._transport.abort()

    # hello

    async def _greet(self) -> tuple[Principal, protocol.Hello]:
        """Raises BadInput `hello_timeout`, `hello_expected`, or what is wrong with the ticket."""
        try:
            first = await self._answer.receive(timeout=HELLO_S)
        except TimeoutError:
            raise BadInput("No hello came in time.", code="hello_timeout", retry_s=1.0) from None
        if first.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            raise ConnectionResetError
        hello = protocol.decode(first.data) if first.type is WSMsgType.TEXT else None
        if not isinstance(hello, protocol.Hello):
            raise BadInput("The first message is hello.", code="hello_expected")
        return self._gate.ticket(hello.ticket, self._event, Role.VIEWER), hello

    def _enter(self, room: Room, principal: Principal, person: str, hello: protocol.Hello) -> None:
        """Give this seat the board; a second hello starts anew."""
        if self._entering is not None:
            self._entering.cancel()
        room.hub.remove(self.seat)
        self.seat.may_moderate = policy.is_staff(principal)
        self.seat.staff = self.seat.may_moderate and hello.as_ is protocol.As.ROLE
        self.seat.counts = policy.counts_as_audience(principal)
        self.seat.say(
            protocol.Welcome(
                role=str(principal.role),
                name=principal.name,
                limits=protocol.AskLimits(policy.ASK_MIN, policy.ASK_MAX),
                tick_hz=tick_hz(len(room.hub.seats)),
                server_time_ms=round(self._clock.wall() * 1000),
            )
        )
        self._entering = asyncio.create_task(room.admission.admit(self.seat, person, principal.name, hello.last))
        self._entering.add_done_callback(_entering_ended)

    # commands

    async def _converse(self, room: Room, desk: Desk, principal: Principal, person: str) -> None:
        async for message in self._answer:
            await self._keep_pace()
            try:
                said = self._read(message.type, message.data)
                if isinstance(said, protocol.Hello):
                    # Who this is was settled when the socket opened; an old ticket does not throw a page out.
                    self._enter(room, principal, person, said)
                elif said is not None:
                    await self._act(desk, said, str(principal.role))
            except PlenumError as error:
                self._refuse(error)

    def _read(self, kind: WSMsgType, data: str) -> protocol.ClientMessage | None:
        if kind is not WSMsgType.TEXT:
            raise BadInput("Messages are JSON text.", code="bad_message")
        return protocol.decode(data)

    async def _keep_pace(self) -> None:
        try:
            self._pace.take("", self._clock.monotonic())
        except TooMany as error:
            await asyncio.sleep(error.retry_s or 0)  # the rest waits in the kernel's buffers
            self._pace.spend("", self._clock.monotonic())

    async def _act(self, desk: Desk, said: protocol.ClientMessage, role: str) -> None:
        match said:
            case protocol.Vote():
                await self._vote(desk, said)
            case protocol.Ask() | protocol.Mod() | protocol.SetBox():
                try:
                    await self._entered()
                    result = await self._command(desk, said, role)
                except PlenumError as error:
                    self._refuse(error, cid=said.cid)
                else:
                    self.seat.say(protocol.OkCommand(said.cid, result))

    async def _command(
        self, desk: Desk, said: protocol.Ask | protocol.Mod | protocol.SetBox, role: str
    ) -> dict[str, str | bool]:
        match said:
            case protocol.Ask():
                return {"q": await desk.ask(self.seat, said)}
            case protocol.Mod():
                return {"state": await desk.moderate(self.seat, role, said)}
            case protocol.SetBox():
                box = await desk.set_box(self.seat, role, said)
                return {"mode": box.mode, "open": box.open}

    async def _entered(self) -> None:
        """A command right behind its hello waits for the board, a moment."""
        if self._entering is not None and not self._entering.done():
            await asyncio.wait({self._entering}, timeout=ENTRY_S)

    async def _vote(self, desk: Desk, vote: protocol.Vote) -> None:
        try:
            await self._entered()
            future = desk.vote(self.seat, vote)
        except PlenumError as error:
            self._refuse(error, n=vote.n)
            return
        future.add_done_callback(lambda done: self._voted(vote.n, done))

    def _voted(self, n: int, done: asyncio.Future[int]) -> None:
        if done.cancelled():
            self._refuse(store_unavailable(), n=n)
            return
        error = done.exception()
        if isinstance(error, PlenumError):
            self._refuse(error, n=n)
        elif done.result() < 0:
            self._refuse(policy.not_votable(), n=n)
        else:
            self.seat.say(protocol.OkVote(n, {"votes": done.result()}))

    def _refuse(self, error: PlenumError, n: int | None = None, cid: str | None = None) -> None:
        if not isinstance(error, Unavailable):
            metrics.rejected.labels(reason="qna_" + error.code).inc()
        self.seat.say(protocol.refusal(error, n=n, cid=cid))


def _entering_ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("entering_failed", error=repr(task.exception()))


def _come_back(error: PlenumError) -> int:
    """When a dismissed page may return: a refusal that time does not change says never."""
    if error.code == "ticket_expired":
        return 0
    return NEVER if error.retry_s is None else round(error.retry_s * 1000)


def spread_ms() -> int:
    """When one of many may come back, so that not all do at once."""
    return random.randrange(COME_BACK_MS)  # noqa: S311 - spreads load, keeps no secret
