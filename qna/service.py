"""The questions tier as the front sees it: `Qna` with its route `/qna/{event}/socket`, its rooms and its limits.

A room exists while somebody is in it, and a minute longer. All state that matters is in the store: any number of processes
serve the same event.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

from aiohttp import WSCloseCode, hdrs, web
from redis.asyncio import Redis

from plenum import metrics as shared_metrics
from plenum.clock import Clock
from plenum.errors import BadInput, TooMany, Unavailable
from plenum.event import EventState, Moderation, check_id
from plenum.identity import Signer, new_subject
from plenum.log import get_logger
from plenum.masking import insist_on_masks
from plenum.places import Places
from plenum.web import Gate
from qna import metrics, policy
from qna.desk import Desk
from qna.log import Bus
from qna.protocol import MAX_MESSAGE, SUBPROTOCOL
from qna.room import Room
from qna.socket import HEARTBEAT_S, Conversation, spread_ms
from qna.store import QuestionStore

log = get_logger("qna")

IDLE_S = 60.0
SWEEP_S = 10.0
TOO_MANY_RETRY_S = 15.0
"""Half-dead sockets of a moved phone are noticed by then."""


class LimitSettings(Protocol):
    """What is read of `settings.limits`."""

    @property
    def asks_per_minute(self) -> int: ...

    @property
    def votes_per_minute(self) -> int: ...

    @property
    def sockets_per_person(self) -> int: ...

    @property
    def sockets_per_process(self) -> int: ...

    @property
    def questions_per_event(self) -> int: ...


class _Open:
    """A room that runs."""

    def __init__(self, room: Room, desk: Desk, task: asyncio.Task[None], now: float) -> None:
        self.room = room
        self.desk = desk
        self.task = task
        self.empty_since = now


class Qna:
    """Question boards of all events, for the sockets of this process."""

    def __init__(
        self,
        redis: Redis,
        gate: Gate,
        signer: Signer,
        clock: Clock,
        tenant: str,
        limits: LimitSettings | None = None,
        places: Places | None = None,
    ) -> None:
        """`places` counts sockets together with other tiers of this process; by default these are the only ones."""
        self._gate = gate
        self._signer = signer
        self._clock = clock
        self._limits = _limits(limits)
        self._store = QuestionStore(redis, tenant)
        self._bus = Bus(redis, self._store)
        self._process = new_subject()
        self._rooms: dict[str, _Open] = {}
        self._persons: Counter[tuple[str, str]] = Counter()
        self._conversations: set[Conversation] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._places = places or Places(self._limits.sockets_per_process)
        self._closing = False

    # what the front uses

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/qna/{event}/socket", self.socket)]

    async def start(self) -> None:
        self._tasks = [self._own(run) for run in (self._store.watch(), self._bus.run(), self._close_empty_rooms())]

    async def close(self) -> None:
        """Everybody is told to come back, spread over some seconds; then all tasks end."""
        self._closing = True
        farewells = [
            conversation.dismiss("going_away", spread_ms(), WSCloseCode.SERVICE_RESTART)
            for conversation in self._conversations
        ]
        await asyncio.gather(*farewells)
        tasks = [*self._tasks, *(entry.task for entry in self._rooms.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._rooms.clear()

    async def open_board(self, event: str, moderation: Moderation) -> None:
        """A new event's board, with its way of moderation. Again: no change. Raises Unavailable."""
        await self._store.open(check_id(event), moderation)

    async def event_state(self, event: str, state: EventState, at: float) -> None:
        """Tell all pages that the event went live or ended, `at` Unix seconds. Again: no change. Raises Unavailable."""
        await self._store.open(check_id(event))
        await self._store.event_state(event, state, round(at * 1000))

    # the sockets

    async def socket(self, request: web.Request) -> web.StreamResponse:
        event = check_id(request.match_info["event"])
        self._gate.check_socket_origin(request)
        _check_subprotocol(request)
        if self._closing or self._places.are_full:
            shared_metrics.rejected.labels(reason="qna_full").inc()
            raise Unavailable("This server is full. Try again in a moment.", code="full", retry_s=5.0)
        answer = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), max_msg_size=MAX_MESSAGE, compress=False, heartbeat=HEARTBEAT_S, timeout=1.0
        )
        with self._places.one(), metrics.sockets.track_inprogress(), suppress(ConnectionError):  # who left is not told
            await answer.prepare(request)
            insist_on_masks(request)
            await self._talk(request, answer, event)
        return answer

    async def _talk(self, request: web.Request, answer: web.WebSocketResponse, event: str) -> None:
        if request.transport is None:
            return
        conversation = Conversation(
            answer,
            request.transport,
            event,
            self,
            self._gate,
            self._signer,
            self._clock,
            self._limits.messages_per_s,
        )
        self._conversations.add(conversation)
        try:
            await conversation.run()
        finally:
            self._conversations.discard(conversation)

    def room(self, event: str) -> tuple[Room, Desk]:
        """The event's room; opened if it is not."""
        found = self._rooms.get(event)
        if found is None or found.task.done():
            room = Room(event, self._store, self._bus, self._clock, self._process, self._limits)
            task = self._own(room.run())
            found = self._rooms[event] = _Open(
                room, Desk(room, self._store, self._clock), task, self._clock.monotonic()
            )
        return found.room, found.desk

    def sit(self, event: str, person: str) -> None:
        """Raises TooMany `too_many_sockets`."""
        if self._persons[event, person] >= self._limits.sockets_per_person:
            raise TooMany(
                "You have this event open too often. Close another tab.",
                code="too_many_sockets",
                retry_s=TOO_MANY_RETRY_S,
            )
        self._persons[event, person] += 1

    def leave(self, event: str, person: str) -> None:
        self._persons[event, person] -= 1
        if self._persons[event, person] <= 0:
            del self._persons[event, person]

    async def _close_empty_rooms(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now = self._clock.monotonic()
            used = {event for event, _ in self._persons}
            for event, entry in list(self._rooms.items()):
                if event in used:
                    entry.empty_since = now
                elif now - entry.empty_since > IDLE_S:
                    del self._rooms[event]
                    entry.task.cancel()

    def _own(self, run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of ours; one that ends by itself is a defect and says so."""
        task = asyncio.create_task(run)
        task.add_done_callback(_ended)
        return task


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("task_ended", error=repr(task.exception()))


def _limits(given: LimitSettings | None) -> policy.Limits:
    if given is None:
        return policy.Limits()
    return policy.Limits(
        asks_per_minute=given.asks_per_minute,
        votes_per_minute=given.votes_per_minute,
        sockets_per_person=given.sockets_per_person,
        sockets_per_process=given.sockets_per_process,
        questions_per_event=given.questions_per_event,
    )


def _check_subprotocol(request: web.Request) -> None:
    offered = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "")
    if SUBPROTOCOL not in (name.strip() for name in offered.split(",")):
        raise BadInput(f"Open this WebSocket with the subprotocol {SUBPROTOCOL}.", code="bad_subprotocol")
