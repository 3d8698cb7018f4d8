"""Where a seat's commands are taken: policy first, then the store. The echo comes by the log, to all alike."""

from __future__ import annotations

import asyncio

from plenum.clock import Clock
from qna import metrics, policy, protocol
from qna.board import Board, State, check_move
from qna.hub import Seat
from qna.room import Room
from qna.store import QuestionStore, store_unavailable


class Desk:
    """Commands of admitted seats, for one event. Every method raises a PlenumError that is told as `err`."""

    def __init__(self, room: Room, store: QuestionStore, clock: Clock) -> None:
        self._room = room
        self._store = store
        self._clock = clock

    def vote(self, seat: Seat, vote: protocol.Vote) -> asyncio.Future[int]:
        """Will hold the question's count, or -1 where it was not votable."""
        policy.check_vote(self._board(seat), vote.q, seat.participant)
        self._room.pace.take(str(seat.participant), self._clock.monotonic())
        return self._room.votes.submit((vote.q, seat.participant, vote.on))

    async def ask(self, seat: Seat, ask: protocol.Ask) -> str:
        """The new question's id."""
        self._board(seat)
        question = await self._store.ask(
            self._room.event,
            seat.participant,
            policy.check_cid(ask.cid),
            policy.question_text(ask.text),
            ask.conf,
            policy.language(ask.lang),
            self._clock.wall(),
            self._room.limits.asks_per_minute,
            self._room.limits.questions_per_event,
        )
        metrics.questions.inc()
        return question

    async def moderate(self, seat: Seat, role: str, mod: protocol.Mod) -> State:
        """The question's new state."""
        policy.check_staff(seat.may_moderate)
        self._board(seat)
        check_move(mod.from_, mod.to)
        reason = policy.reason_text(mod.reason)
        cid = policy.check_cid(mod.cid)
        return await self._store.moderate(
            self._room.event, cid, policy.check_question(mod.q), mod.from_, mod.to, reason, seat.participant, role
        )

    async def set_box(self, seat: Seat, role: str, box: protocol.SetBox) -> protocol.Box:
        """How questions are taken from now on."""
        policy.check_staff(seat.may_moderate)
        self._board(seat)
        cid = policy.check_cid(box.cid)
        now = await self._store.set_box(self._room.event, cid, box.mode, box.open, seat.participant, role)
        return protocol.Box(now.mode, now.open)

    def _board(self, seat: Seat) -> Board:
        """Raises Unavailable `store_unavailable` for a seat that has no board to act on."""
        if self._room.board is None or not seat.is_admitted or not self._store.is_up:
            raise store_unavailable()
        return self._room.board
