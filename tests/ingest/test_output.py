from __future__ import annotations

import socket
import threading

from ingest.control import pack_output
from ingest.output import LIMIT, Output, OutputClosed, OutputStuck


class Heard:
    """What the output complained of."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.came = threading.Event()

    def __call__(self, error: Exception) -> None:
        self.errors.append(error)
        self.came.set()


def test_messages_arrive_whole_and_in_order() -> None:
    ours, theirs = socket.socketpair()
    heard = Heard()
    with ours, theirs:
        output = Output(theirs, heard)
        messages = [bytes([number]) * 1000 for number in range(20)]
        for message in messages:
            output.put(message)
        output.close()
        expected = b"".join(map(pack_output, messages))
        assert ours.recv(len(expected), socket.MSG_WAITALL) == expected
        assert heard.errors == []


def test_a_reader_that_takes_nothing_for_three_seconds_is_stuck() -> None:
    ours, theirs = socket.socketpair()
    heard = Heard()
    with ours, theirs:
        output = Output(theirs, heard)
        output.put(bytes(4_000_000))
        assert heard.came.wait(10)
        assert isinstance(heard.errors[0], OutputStuck)


def test_putting_never_waits_a_full_queue_is_a_stuck_reader() -> None:
    ours, theirs = socket.socketpair()
    heard = Heard()
    with ours, theirs:
        output = Output(theirs, heard)
        for _ in range(LIMIT + 2):
            output.put(bytes(1_000_000))
        assert isinstance(heard.errors[0], OutputStuck)


def test_a_reader_that_is_gone_is_told_apart() -> None:
    ours, theirs = socket.socketpair()
    heard = Heard()
    with theirs:
        output = Output(theirs, heard)
        ours.close()
        output.put(b"x")
        assert heard.came.wait(10)
        assert isinstance(heard.errors[0], OutputClosed)
