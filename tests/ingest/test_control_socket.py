from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.control import Attach, Showing, Shown, Stop, decode_to_ingest, encode_control
from ingest.control_socket import ControlClosed, ControlSocket, ControlStuck
from plenum.errors import BadInput


@pytest.fixture
def pair() -> Iterator[tuple[ControlSocket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ControlSocket(theirs), ours


def test_a_socket_comes_with_its_message(pair: tuple[ControlSocket, socket.socket]) -> None:
    control, ingest = pair
    near, far = socket.socketpair()
    with near, far:
        socket.send_fds(ingest, [encode_control(Attach("a", "Ada"))], [far.fileno()])
    received = control.receive()
    assert received is not None
    message, plug = received
    assert message == Attach("a", "Ada")
    assert plug is not None
    plug.close()


def test_messages_are_read_one_by_one_until_there_is_none(pair: tuple[ControlSocket, socket.socket]) -> None:
    control, ingest = pair
    ingest.send(encode_control(Stop()))
    ingest.send(encode_control(Attach("a", "Ada")))
    assert control.receive() == (Stop(), None)
    assert control.receive() == (Attach("a", "Ada"), None)
    assert control.receive() is None


def test_nonsense_is_refused_and_its_descriptors_are_closed(pair: tuple[ControlSocket, socket.socket]) -> None:
    control, ingest = pair
    near, far = socket.socketpair()
    with near:
        with far:
            socket.send_fds(ingest, [b"{}"], [far.fileno(), far.fileno()])
        with pytest.raises(BadInput):
            control.receive()
        assert near.recv(1) == b""  # nobody holds the other end any more


def test_an_ingest_that_is_gone_is_noticed_both_ways(pair: tuple[ControlSocket, socket.socket]) -> None:
    control, ingest = pair
    ingest.close()
    with pytest.raises(ControlClosed):
        control.receive()
    with pytest.raises(ControlClosed):
        control.send(Showing(Shown.SLATE, ""))


def test_an_ingest_that_does_not_read_is_stuck_not_waited_for(pair: tuple[ControlSocket, socket.socket]) -> None:
    control, _ = pair
    with pytest.raises(ControlStuck):
        for _ in range(100_000):
            control.send(Showing(Shown.SLATE, ""))


def test_what_we_say_is_understood(pair: tuple[ControlSocket, socket.socket]) -> None:
    control, ingest = pair
    control.send(Showing(Shown.LIVE, "a"))
    assert decode_to_ingest(ingest.recv(1000)) == Showing(Shown.LIVE, "a")


def test_no_descriptor_leaks(pair: tuple[ControlSocket, socket.socket]) -> None:
    control, ingest = pair
    before = len(list(Path("/proc/self/fd").iterdir()))
    near, far = socket.socketpair()
    with near, far:
        socket.send_fds(ingest, [encode_control(Attach("a", "Ada"))], [far.fileno()] * 3)
        received = control.receive()
        assert received is not None
        assert received[1] is not None
        received[1].close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
