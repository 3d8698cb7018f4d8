"""The question socket of one virtual person: asks, votes, reads along, and notices what went missing.

A greenlet of its own reads; commands are answered by id. A question carries the time it was sent in its text, so that any
other viewer, in any process, can tell how long it took to be seen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import gevent
import msgspec
import websocket
from gevent.event import AsyncResult

from loadtests.users.report import Fault, Reporter, Step

SUBPROTOCOL = "plenum.qna.1"
ANSWER_S = 10.0
_MARK = re.compile(r"\[load (\d{13})\]")
_FAIR = frozenset({"not_votable", "own_question", "stale_state"})
"""Refusals that are right answers: the board moved on while the command travelled."""


class Board:
    """One open question socket. `run` reads until it closes and raises Fault when that was not expected."""

    def __init__(self, url: str, ticket: str, reporter: Reporter, insecure: bool) -> None:
        self._url, self._ticket, self._report, self._insecure = url, ticket, reporter, insecure
        self._socket: Any = None
        self._waiting: dict[str, AsyncResult[dict[str, Any]]] = {}
        self._count = 0
        self._last_id = ""
        self._seen: set[str] = set()
        self.states: dict[str, str] = {}
        self.mine: set[str] = set()
        self.voted: set[str] = set()
        self.on_pending: Callable[[str, str], None] | None = None
        """Called with id and text of each question that waits for moderation (staff see those)."""

    def open(self) -> None:
        """Connect, say hello, wait for the board."""
        began = time.perf_counter()
        self._socket = connect(self._url, SUBPROTOCOL, self._insecure, timeout=ANSWER_S)
        self._send({"t": "hello", "ticket": self._ticket, "v": 1})
        while not (self.states or self._last_id):
            message = self._receive()
            if message["t"] in ("bye", "err"):
                raise Fault(f"the question socket was refused: {message['code']}")
            self._handle(message)
        self._report.step(Step.SNAPSHOT, time.perf_counter() - began)
        self._socket.settimeout(60)

    def run(self) -> None:
        while True:
            message = self._receive()
            if message["t"] == "bye":
                raise Fault(f"the question socket was closed: {message['code']}")
            self._handle(message)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close(timeout=1)

    def votable(self) -> list[str]:
        return [q for q, state in self.states.items() if state == "published" and q not in self.mine]

    def ask(self, subject: str, confidential: bool, language: str) -> None:
        text = f"{subject} [load {int(time.time() * 1000)}]"
        answer = self._command(
            Step.ASK, "cid", uuid4().hex, {"t": "ask", "text": text, "conf": confidential, "lang": language}
        )
        if answer is not None:
            self.mine.add(answer["r"]["q"])

    def vote(self, question: str) -> None:
        """Give the vote, or take it back where it was given before."""
        on = question not in self.voted
        self._count += 1
        if self._command(Step.VOTE, "n", self._count, {"t": "vote", "q": question, "on": on}) is not None:
            (self.voted.add if on else self.voted.discard)(question)

    def publish(self, question: str) -> None:
        command = {"t": "mod", "q": question, "from": "pending", "to": "published"}
        self._command(Step.PUBLISH, "cid", uuid4().hex, command)

    def _command(self, step: Step, key: str, value: str | int, command: dict[str, Any]) -> dict[str, Any] | None:
        """Send and wait for `ok` or `err` with the same id; reports the step; None unless it was accepted."""
        waiting: AsyncResult[dict[str, Any]] = AsyncResult()
        self._waiting[f"{key}:{value}"] = waiting
        began = time.perf_counter()
        try:
            self._send({**command, key: value})
            answer = waiting.get(timeout=ANSWER_S)
        except (gevent.Timeout, websocket.WebSocketException, OSError) as error:
            self._report.step(step, time.perf_counter() - began, fault=Fault(f"no answer: {type(error).__name__}"))
            return None
        finally:
            self._waiting.pop(f"{key}:{value}", None)
        refused = answer["t"] == "err" and answer["code"] not in _FAIR
        fault = Fault(f"refused: {answer['code']}") if refused else None
        self._report.step(step, time.perf_counter() - began, fault=fault)
        return answer if answer["t"] == "ok" else None

    def _handle(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "snap":
                self._snapshot(message)
            case "ev":
                self._event(message)
            case "ok" | "err":
                key = f"n:{message['n']}" if message.get("n") is not None else f"cid:{message.get('cid')}"
                if key in self._waiting:
                    self._waiting[key].set(message)
            case "ping":
                self._send({"t": "pong"})
            case "resync":
                self._send({"t": "hello", "ticket": self._ticket, "v": 1})
            case "state" if message["store"] != "up":
                self._report.fault(Step.LOG, "the question store is away")

    def _snapshot(self, snap: dict[str, Any]) -> None:
        self._last_id = snap["id"]
        self.states = {question["id"]: question["state"] for question in snap["questions"]}
        self.voted, self.mine = set(snap["me"]["voted"]), set(snap["me"]["mine"])
        self._seen.update(self.states)
        for question in snap["questions"]:
            self._pending(question)

    def _event(self, event: dict[str, Any]) -> None:
        if event["prev"] != self._last_id:
            self._report.fault(Step.LOG, "an event of the log did not arrive")
        self._last_id = event["id"]
        data = event["d"]
        question = data.get("question")
        if event["k"] == "q.state":
            self.states[data["q"]] = data["to"]
        if question is None:
            return
        self.states[question["id"]] = question["state"] if event["k"] == "q.new" else data["to"]
        self._pending(question)
        self._sighting(event["k"], question, data)

    def _pending(self, question: dict[str, Any]) -> None:
        if question["state"] == "pending" and self.on_pending is not None and _MARK.search(question["text"]):
            self.on_pending(question["id"], question["text"])

    def _sighting(self, kind: str, question: dict[str, Any], data: dict[str, Any]) -> None:
        """Somebody else's question came into view: how long did that take?"""
        mark = _MARK.search(question["text"])
        if mark is None or question["id"] in self._seen or question["id"] in self.mine:
            return
        if self.states[question["id"]] != "published":
            return
        self._seen.add(question["id"])
        if kind == "q.new":
            self._report.step(Step.SEEN, time.time() - int(mark[1]) / 1000)
        else:
            self._report.step(Step.PUBLISHED, time.time() - data["at"] / 1000)

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.send(msgspec.json.encode(message).decode())

    def _receive(self) -> dict[str, Any]:
        text = self._socket.recv()
        if not text:
            raise Fault("the question socket was closed without a word")
        message: dict[str, Any] = msgspec.json.decode(text)
        return message


def connect(url: str, subprotocol: str, insecure: bool, timeout: float) -> Any:
    """A WebSocket of websocket-client: cooperative under locust's gevent."""
    return websocket.create_connection(
        url,
        timeout=timeout,
        subprotocols=[subprotocol],
        skip_utf8_validation=True,
        enable_multithread=True,  # a viewer's tasks and its reader both write
        sslopt={"cert_reqs": 0, "check_hostname": False} if insecure else None,
    )
