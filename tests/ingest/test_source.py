from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ingest.samples import WANT_KEYFRAME, SampleStream, alive_sample, audio_sample, clock_sample, pack_sample
from ingest.source import ASK_AGAIN_US, Source, SourceClosed
from plenum.errors import BadInput

SECOND = 1_000_000


@pytest.fixture
def plugged() -> Iterator[tuple[Source, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Source("a", "Ada", theirs, 0), ours


def test_samples_come_with_their_timestamps_unwrapped(plugged: tuple[Source, socket.socket]) -> None:
    source, peer = plugged
    peer.sendall(pack_sample(audio_sample(0xFFFFFFFF, 0, b"x")) + pack_sample(audio_sample(959, 20_000, b"y")))
    (_, first), (_, second) = source.read()
    assert second - first == 960


def test_reports_and_signs_of_life_keep_a_source_present(plugged: tuple[Source, socket.socket]) -> None:
    source, peer = plugged
    peer.sendall(pack_sample(alive_sample(900_000)))
    source.read()
    assert not source.presence.is_gone(1_800_000)
    peer.sendall(pack_sample(clock_sample(SampleStream.VIDEO, 0, 0xE0000000_00000000, 1_700_000)))
    source.read()
    assert not source.presence.is_gone(2_600_000)


def test_nothing_to_read_is_no_end(plugged: tuple[Source, socket.socket]) -> None:
    source, _ = plugged
    assert source.read() == []


def test_a_peer_that_closes_is_noticed(plugged: tuple[Source, socket.socket]) -> None:
    source, peer = plugged
    peer.close()
    with pytest.raises(SourceClosed):
        source.read()


def test_nonsense_is_refused(plugged: tuple[Source, socket.socket]) -> None:
    source, peer = plugged
    peer.sendall(b"\xff" * 64)
    with pytest.raises(BadInput):
        source.read()


def test_a_key_frame_is_asked_for_twice_a_second_at_most(plugged: tuple[Source, socket.socket]) -> None:
    source, peer = plugged
    for at_us in range(0, 2 * SECOND, 100_000):
        source.ask_keyframe(at_us)
    assert peer.recv(100) == WANT_KEYFRAME * (2 * SECOND // ASK_AGAIN_US)


def test_a_peer_that_does_not_read_its_wishes_holds_nobody_up(plugged: tuple[Source, socket.socket]) -> None:
    source, peer = plugged
    for number in range(5000):
        source.ask_keyframe(number * ASK_AGAIN_US)
    peer.close()
    source.ask_keyframe(5001 * ASK_AGAIN_US)
