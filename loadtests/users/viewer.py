"""What every virtual viewer does, however the picture reaches them: join, read the board, vote, now and then ask.

Subclasses say how they watch. A viewer has one greenlet for its picture and one for its board; both are ended with it. A
broken connection is reported and opened again after a pause, as a page would.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import gevent
import msgspec
import websocket
from gevent.pool import Group
from locust import constant_throughput, task
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS, FastHttpUser
from locust.env import Environment
from locust.exception import StopUser

from loadtests.users import options
from loadtests.users.board import Board
from loadtests.users.entrance import Entrance, Joined
from loadtests.users.report import Fault, Reporter, Step

AGAIN_S = (0.5, 2.0)
"""A page waits about this long before it connects anew."""
SUBJECTS = (
    "When does the new office open for everybody",
    "Wann wird die neue Arbeitszeitregelung gelten",
    "How do we measure whether the change worked",
    "Warum sind die Ziele für das nächste Jahr so gewählt",
)
BROKEN = (Fault, websocket.WebSocketException, OSError, msgspec.MsgspecError, ValueError, KeyError, *FAILURE_EXCEPTIONS)


class Person(FastHttpUser):
    """Somebody with a seat and an open board."""

    abstract = True
    transport: ClassVar[str] = "board"
    connection_timeout = 10.0
    network_timeout = 10.0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.report = Reporter(environment, self.transport)
        self.greenlets = Group()
        self.board: Board | None = None
        self.joined: Joined | None = None
        self._leaving = False
        self._pace = constant_throughput(options.of(environment).acts_per_second)

    def wait_time(self) -> float:
        return float(self._pace(self))

    def entrance(self) -> Entrance:
        return options.viewer_entrance(options.of(self.environment))

    def on_start(self) -> None:
        self.joined = self._join()
        self.begin(self.joined)

    def begin(self, joined: Joined) -> None:
        """Open what this kind of person has open."""
        self.spawn(self._read_board, joined)

    def on_stop(self) -> None:
        self._leaving = True
        self.greenlets.kill(timeout=3)
        if self.board is not None:
            self.board.close()

    def spawn(self, work: Callable[[Joined], None], joined: Joined) -> None:
        self.greenlets.spawn(self._again_and_again, work, joined)

    def socket_url(self, path: str) -> str:
        parts = urlsplit(self.host or "")
        return urlunsplit(("wss" if parts.scheme == "https" else "ws", parts.netloc, path, "", ""))

    def _join(self) -> Joined:
        began = time.perf_counter()
        try:
            joined = self.entrance().join(self.client)
        except (Fault, msgspec.MsgspecError, OSError) as error:
            self.report.step(Step.JOIN, time.perf_counter() - began, fault=Fault(str(error)))
            gevent.sleep(random.uniform(*AGAIN_S))
            raise StopUser from error
        self.report.step(Step.JOIN, time.perf_counter() - began)
        return joined

    def _again_and_again(self, work: Callable[[Joined], None], joined: Joined) -> None:
        while not self._leaving:
            try:
                work(joined)
            except BROKEN as error:
                if not self._leaving:
                    self.report.fault(Step.LOG if work == self._read_board else Step.PART, _plainly(error))
            gevent.sleep(random.uniform(*AGAIN_S))

    def _read_board(self, joined: Joined) -> None:
        board = Board(self.socket_url(joined.qna), joined.ticket, self.report, self.insecure)
        self.prepare(board)
        try:
            board.open()
            self.board = board
            board.run()
        finally:
            self.board = None
            board.close()

    def prepare(self, board: Board) -> None:
        """Before the board opens."""


class Viewer(Person):
    """An employee: watches, votes often, asks seldom."""

    abstract = True

    def begin(self, joined: Joined) -> None:
        super().begin(joined)
        self.spawn(self.watch, joined)

    def watch(self, joined: Joined) -> None:
        raise NotImplementedError

    @task(12)
    def vote(self) -> None:
        board = self.board
        votable = board.votable() if board else []
        if board and votable:
            board.vote(random.choice(votable))

    @task(1)
    def ask(self) -> None:
        if self.board and self.joined:
            self.board.ask(random.choice(SUBJECTS), random.random() < 0.3, self.joined.event.language)

    def choose(self, rungs: list[Any]) -> Any:
        """Which rung this viewer watches: any, so that all are read."""
        return random.choice(rungs)


def _plainly(error: Exception) -> str:
    return str(error) if isinstance(error, Fault) else f"{type(error).__name__}: {error}"[:200]
