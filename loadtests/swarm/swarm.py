"""A swarm: one or two processes full of viewers, told what to do over pipes and asked how it goes.

    with Swarm(workers=1) as swarm:
        swarm.add(PushGroup(addresses=…, tickets=…))
        swarm.until_playing(500)
        swarm.phase("calm")
        …
        result = swarm.stop()

Calls block for some milliseconds, `stop` for longer: from asyncio by `asyncio.to_thread`.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

import msgspec

from loadtests.swarm.checks import Address, Key, Source, differing_from
from loadtests.swarm.group import Answer, Asking, Group, PullGroup, PushGroup, Status
from loadtests.swarm.pull import PullWorker
from loadtests.swarm.push import PushWorker
from loadtests.swarm.tally import SwarmResult, Tally, compared, result_of
from plenum.store import die_with_parent

ANSWER_S = 30.0
GC_EVERY = 200_000
"""Nothing made for a message is part of a circle: the collector need not look often."""


class SwarmFailed(Exception):
    """A process of the swarm died or does not answer."""


class Swarm:
    """Push viewers, or pull viewers: a process holds one kind."""

    def __init__(self, kind: str = "push", workers: int = 1) -> None:
        self.kind = kind
        self._count = workers
        self._pipes: list[Pipe] = []
        self._processes: list[BaseProcess] = []
        self._result: SwarmResult | None = None
        self._one_at_a_time = threading.Lock()

    def start(self) -> Self:
        context = multiprocessing.get_context("spawn")
        for number in range(self._count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, self.kind), name=f"swarm-{number}", daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        return self

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes if process.pid is not None]

    def add(self, group: Group) -> None:
        """These viewers come; shared out over the processes."""
        for number in range(self._count):
            self._tell(number, "add", _share(group, number, self._count))

    def phase(self, name: str) -> None:
        """What comes now is counted under this name; before the first call it is `start`."""
        for number in range(self._count):
            self._tell(number, "phase", name)

    def leave(self, count: int) -> None:
        """So many viewers go without a word."""
        for number in range(self._count):
            self._tell(number, "leave", _part_of(count, number, self._count))

    def read_slowly(self, count: int, bytes_s: float) -> None:
        """So many push viewers read at this speed from now on, each line; 0: as fast as it comes."""
        for number in range(self._count):
            self._tell(number, "read_slowly", (_part_of(count, number, self._count), bytes_s))

    def choices(self) -> list[tuple[str, ...]]:
        """Of each push viewer of `auto`: the pictures that the server said to choose, in order, "" for none."""
        return [one for number in range(self._count) for one in self._ask(number, "choices")]

    def asking(self) -> list[Asking]:
        """Who of the push viewers wants a new join answer (`PushGroup.asks_api`); the caller asks the API."""
        return [one for number in range(self._count) for one in self._ask(number, "asking", number)]

    def answer(self, answers: Sequence[Answer]) -> None:
        """What the API said to them."""
        for one in answers:
            self._tell(one.asking.process, "answer", one)

    def status(self) -> Status:
        found = Status()
        for number in range(self._count):
            found = found.plus(self._ask(number, "status"))
        return found

    def until_playing(self, count: int, timeout_s: float = 60.0) -> Status:
        """Raises SwarmFailed when not so many have a picture in time."""
        ends = time.monotonic() + timeout_s
        while (found := self.status()).playing < count:
            if time.monotonic() > ends:
                raise SwarmFailed(f"{found.playing} of {count} viewers had a picture after {timeout_s:.0f} s: {found}")
            time.sleep(0.1)
        return found

    def stop(self, source: Source | None = None) -> SwarmResult:
        """All leave; what was counted, and with a source whether its bytes are what came."""
        if self._result is None:
            tallies: list[list[Tally]] = []
            digests: list[dict[Key, bytes]] = []
            payloads: dict[Address, bytes] = {}
            for number in range(self._count):
                counted, seen, got = self._ask(number, "stop")
                tallies.append(counted)
                payloads.update(got)
                digests.append(seen)
            self._end()
            self._result = result_of(tallies, digests)
            if source is not None:
                self._result = compared(self._result, *differing_from(source, payloads))
        return self._result

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(2.0)
            if process.is_alive():
                process.kill()
                process.join()
        self._pipes, self._processes = [], []

    def _tell(self, number: int, order: str, what: Any) -> None:
        self._ask(number, order, what)

    def _ask(self, number: int, order: str, what: Any = None) -> Any:
        try:
            with self._one_at_a_time:
                self._pipes[number].send((order, what))
                if not self._pipes[number].poll(ANSWER_S):
                    raise SwarmFailed(f"process {number} of the swarm does not answer")
                return self._pipes[number].recv()
        except (EOFError, OSError, IndexError) as error:
            raise SwarmFailed(f"process {number} of the swarm is gone: {error}") from error


def _part_of(count: int, number: int, of: int) -> int:
    return count // of + (number < count % of)


def _share(group: Group, number: int, of: int) -> Group:
    if isinstance(group, PushGroup):
        return msgspec.structs.replace(
            group, tickets=group.tickets[number::of], connect_per_s=max(0.1, group.connect_per_s / of)
        )
    viewers = _part_of(group.viewers, number, of)
    return msgspec.structs.replace(group, viewers=viewers, connect_per_s=max(0.1, group.connect_per_s / of))


def _work(pipe: Pipe, kind: str) -> None:
    """A process of the swarm, until it is told to stop or its parent goes."""
    die_with_parent()
    _allow_many_sockets()
    gc.freeze()
    gc.set_threshold(GC_EVERY, 50, 50)
    worker: PushWorker | PullWorker = PushWorker() if kind == "push" else PullWorker()
    while True:
        worker.step()
        try:
            while pipe.poll():
                order, what = pipe.recv()
                if order == "stop":
                    pipe.send((worker.finish(), worker.reference.digests(), worker.payloads()))
                    return
                pipe.send(_obey(worker, order, what))
        except (EOFError, OSError):
            return


def _obey(worker: PushWorker | PullWorker, order: str, what: Any) -> Any:
    match order, worker:
        case "status", _:
            return worker.status()
        case "phase", _:
            worker.phase(what)
        case "leave", _:
            worker.leave(what)
        case "add", PushWorker() if isinstance(what, PushGroup):
            worker.add(what)
        case "add", PullWorker() if isinstance(what, PullGroup):
            worker.add(what)
        case "choices", PushWorker():
            return worker.choices()
        case "asking", PushWorker():
            return worker.asking(what)
        case "answer", PushWorker():
            worker.answered(what)
        case "read_slowly", PushWorker():
            worker.read_slowly(*what)
        case _:
            raise ValueError(f"a swarm of this kind cannot {order}")
    return None


def _allow_many_sockets() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
