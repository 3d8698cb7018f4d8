"""The demo's audience: a few bots that come in through the public socket like anyone, ask now and then, and vote.

They ask at most twelve questions in all, slower and slower, then only vote; what a bot of the same name asked before a
restart counts. Each bot likes some questions and not others, always the same ones. They leave when the event has ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import ssl as tls
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec

from plenum.log import get_logger
from qna.board import VOTABLE
from qna.bot_questions import questions
from qna.protocol import SUBPROTOCOL

log = get_logger("bots")

ASK_PAUSES_S = (4.0, 6.0, 10.0, 20.0, 30.0, 45.0, 60.0, 60.0, 90.0, 90.0, 120.0, 120.0)
"""Before each question: something to review soon, then an audience that thinks."""
VOTE_PAUSE_S = (2.0, 9.0)
APPEAL = 0.6
"""How many of the questions a bot likes."""
RETRY_S = (1.0, 30.0)
SILENT_S = 60.0
PATIENCE_S = 10.0


class Agenda:
    """Who asks what when: one question after the other, whichever bot comes first."""

    def __init__(
        self, bots: int, language: str, chance: random.Random, pauses_s: Sequence[float] = ASK_PAUSES_S
    ) -> None:
        self._missing = bots
        self._left = list(questions(language)[: len(pauses_s)])
        chance.shuffle(self._left)
        self._pauses = list(pauses_s)
        self._due = 0.0
        self._patient_until: float | None = None

    def arrived(self, texts: set[str], now: float) -> None:
        """A bot is in (or in again) and sees these questions on the board: they are asked already."""
        for entry in [entry for entry in self._left if entry[0] in texts]:
            self._left.remove(entry)
            self._pauses = self._pauses[1:]
        self._missing -= 1
        if self._patient_until is None:
            self._patient_until = now + PATIENCE_S
            self._wait(now)

    def next(self, now: float) -> tuple[str, bool] | None:
        """The question to ask now, if it is time for one. Not before all bots said what was asked before a restart."""
        if self._patient_until is None or (self._missing > 0 and now < self._patient_until):
            return None
        if now < self._due or not self._left:
            return None
        self._wait(now)
        return self._left.pop()

    def _wait(self, now: float) -> None:
        self._due = now + (self._pauses[0] if self._pauses else 0.0)
        self._pauses = self._pauses[1:]


class Notes:
    """What one bot remembers of the board."""

    def __init__(self) -> None:
        self.name = ""
        self.votable: set[str] = set()
        self.voted: set[str] = set()
        self.mine: set[str] = set()
        self.texts: set[str] = set()
        self.is_over = False

    def hear(self, message: dict[str, Any]) -> None:
        """Take in a snapshot or an event; other messages say nothing about the board."""
        if message.get("t") == "snap":
            self.mine, self.voted = set(message["me"]["mine"]), set(message["me"]["voted"])
            self.votable = {q["id"] for q in message["questions"] if q["state"] in VOTABLE}
            self.texts = {q["text"] for q in message["questions"]}
            self.is_over = message["event"]["state"] == "ended"
        elif message.get("t") == "ev":
            self._event(message["k"], message["d"])

    def _event(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "event.state":
            self.is_over = data["state"] == "ended"
        elif kind == "q.new":
            self._stands(data["question"]["id"], data["question"]["state"])
        elif kind == "q.state":
            self._stands(data["q"], data["to"])

    def _stands(self, q: str, state: str) -> None:
        if state in VOTABLE:
            self.votable.add(q)
        else:
            self.votable.discard(q)

    def wishes(self) -> list[str]:
        """Questions this bot would like to vote for."""
        return sorted(q for q in self.votable - self.voted - self.mine if self._likes(q))

    def _likes(self, q: str) -> bool:
        digest = hashlib.sha256(f"{self.name}:{q}".encode()).digest()
        return digest[0] < 256 * APPEAL


class Bot:
    """One member of the audience."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        ticket: str,
        agenda: Agenda,
        language: str,
        trust: tls.SSLContext | None,
    ) -> None:
        self._http = http
        self._url = url
        self._ticket = ticket
        self._agenda = agenda
        self._language = language
        self._trust = trust
        self._chance = random.Random(ticket)  # noqa: S311 - moods, not secrets
        self._notes = Notes()
        self._vote_at = 0.0
        self._count = 0
        self._pending: dict[int, str] = {}

    async def run(self) -> None:
        """Until the event is over, or the door is closed for good."""
        wait_s = RETRY_S[0]
        while not self._notes.is_over:
            try:
                asked_s = await self._visit()
                if asked_s is not None and asked_s < 0:
                    return
                wait_s = max(RETRY_S[0], asked_s or 0.0)
            except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError):
                wait_s = min(RETRY_S[1], wait_s * 2)
            await asyncio.sleep(wait_s * (1 + self._chance.random()))

    async def _visit(self) -> float | None:
        """One connection; returns when to come back, if the server said so."""
        async with self._http.ws_connect(
            self._url,
            protocols=(SUBPROTOCOL,),
            headers={"Authorization": f"Bearer {self._ticket}"},
            ssl=self._trust if self._trust is not None else True,
            max_msg_size=0,
        ) as socket:
            await socket.send_json({"t": "hello", "ticket": self._ticket, "v": 1})
            return await self._stay(socket)

    async def _stay(self, socket: aiohttp.ClientWebSocketResponse) -> float | None:
        now = asyncio.get_running_loop().time
        heard_at = now()
        while not self._notes.is_over and now() - heard_at < SILENT_S:
            try:
                message = await socket.receive(timeout=1.0)
            except TimeoutError:
                await self._act(socket, now())
                continue
            if message.type is not aiohttp.WSMsgType.TEXT:
                return None
            heard_at = now()
            said = msgspec.json.decode(message.data, type=dict[str, Any])
            if said.get("t") == "bye":
                return float(said["retry_ms"]) / 1000
            await self._hear(socket, said, now())
        return None

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse, said: dict[str, Any], now: float) -> None:
        self._notes.hear(said)
        match said.get("t"):
            case "welcome":
                self._notes.name = said["name"]
            case "snap":
                self._agenda.arrived(self._notes.texts, now)
            case "ping":
                await socket.send_json({"t": "pong"})
            case "resync":
                await socket.send_json({"t": "hello", "ticket": self._ticket, "v": 1})
            case "ok" if "q" in said["r"]:
                self._notes.mine.add(said["r"]["q"])
            case "ok" if said.get("n") in self._pending:
                self._notes.voted.add(self._pending.pop(said["n"]))
            case "err":
                self._pending.pop(said.get("n", -1), None)
        await self._act(socket, now)

    async def _act(self, socket: aiohttp.ClientWebSocketResponse, now: float) -> None:
        """Ask if it is time to, else perhaps vote."""
        question = self._agenda.next(now)
        if question is not None:
            text, confidential = question
            ask = {"t": "ask", "cid": uuid4().hex, "text": text, "conf": confidential, "lang": self._language}
            await socket.send_json(ask)
            return
        wishes = [q for q in self._notes.wishes() if q not in self._pending.values()]
        if now < self._vote_at or not wishes:
            return
        self._vote_at = now + self._chance.uniform(*VOTE_PAUSE_S)
        self._count += 1
        self._pending[self._count] = self._chance.choice(wishes)
        await socket.send_json({"t": "vote", "n": self._count, "q": self._pending[self._count], "on": True})


async def run_bots(
    base_url: str,
    event: str,
    tickets: Sequence[str],
    language: str = "en",
    ssl: tls.SSLContext | None = None,
    pauses_s: Sequence[float] = ASK_PAUSES_S,
) -> None:
    """One bot for each ticket, at the server's public address; returns when the event is over."""
    agenda = Agenda(len(tickets), language, random.Random(event), pauses_s)  # noqa: S311 - the order of a demo's questions
    url = f"{base_url.rstrip('/')}/qna/{event}/socket"
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        for ticket in tickets:
            tasks.create_task(Bot(http, url, ticket, agenda, language, ssl).run())
    log.info("bots_left", event_id=event)
