"""Peer processes: spares, sockets, ends of every kind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from ingest import peers as peers_module
from ingest.peers import Peers
from plenum.answer import read_transport
from plenum.errors import BadInput, Unavailable
from plenum.rtc_binding import MediaBinding
from plenum.signalling import etag_of
from plenum.whip_client import WhipPublisher
from tests.whip_stage import ticket, whip_stage

OFFER = (Path(__file__).parent.parent / "plenum" / "offers" / "chromium.sdp").read_bytes().decode()
PATIENCE_S = 20


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    peers = Peers(MediaBinding())
    await peers.start()
    yield peers
    await peers.close()


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return False


@pytest.mark.alone
async def test_an_offer_is_answered_at_once_by_a_spare(peers: Peers):
    began = time.monotonic()
    peer = await peers.open(OFFER)
    assert time.monotonic() - began < 1.0  # a few milliseconds on an idle machine; a fresh interpreter takes longer
    transport = read_transport(peer.answer)
    assert transport.candidates
    assert etag_of(peer.answer).startswith('"')


async def test_each_session_has_a_process_of_its_own(peers: Peers):
    first, second = await asyncio.gather(peers.open(OFFER), peers.open(OFFER))
    assert first.pid != second.pid
    assert read_transport(first.answer).ufrag != read_transport(second.answer).ufrag


async def test_a_bad_offer_is_refused_by_the_peer_with_its_sentence(peers: Peers):
    with pytest.raises(BadInput) as caught:
        await peers.open("v=0")
    assert caught.value.code == "bad_offer"
    assert (await peers.open(OFFER)).answer


async def test_a_peer_that_crashes_resolves_its_end_and_nothing_else(peers: Peers):
    first, second = await peers.open(OFFER), await peers.open(OFFER)
    os.kill(first.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        assert await first.ended == "crashed"
    with pytest.raises(Unavailable):
        first.plug()
    assert not second.ended.done()


async def test_a_peer_that_hangs_is_ended_by_the_watchdog(peers: Peers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(peers_module, "HUNG_AFTER_S", 2.0)
    peer = await peers.open(OFFER)
    os.kill(peer.pid, signal.SIGSTOP)
    async with asyncio.timeout(PATIENCE_S):
        assert await peer.ended == "hung"
    await peer.close()
    assert not is_running(peer.pid)


async def test_closing_ends_the_process(peers: Peers):
    peer = await peers.open(OFFER)
    await peer.close("replaced")
    assert await peer.ended == "replaced"
    assert not is_running(peer.pid)


async def test_a_peer_whose_presenter_never_comes_gives_up():
    peers = Peers(MediaBinding(), connect_within_s=0.5)
    await peers.start()
    try:
        peer = await peers.open(OFFER)
        async with asyncio.timeout(PATIENCE_S):
            assert await peer.ended == "never_connected"
    finally:
        await peers.close()


async def test_a_peer_that_has_just_ended_by_itself_is_waited_for():
    peers = Peers(MediaBinding(), connect_within_s=0.3)
    await peers.start()
    peer = await peers.open(OFFER)
    async with asyncio.timeout(PATIENCE_S):
        await peer.ended
    with suppress(ProcessLookupError):
        os.kill(peer.pid, signal.SIGSTOP)  # it takes its time over leaving
    await peers.close()
    assert peer._process.returncode is not None


async def test_a_presenter_who_sends_nothing_any_more_is_given_up():
    async with whip_stage(silent_after_s=0.7) as stage:
        publisher = WhipPublisher(stage.url, ticket(), "testsrc")
        await publisher.start()
        peer = await stage.peer()
        await stage.audience(peer).pictures(5)
        publisher._session._sending.cancel()  # reports too; the connection itself stays up
        async with asyncio.timeout(PATIENCE_S):
            assert await peer.ended == "silent"
        await publisher.stop()


async def test_offers_at_the_same_time_cannot_pass_the_bound_together(peers: Peers):
    peers._limit = 2
    outcomes = await asyncio.gather(*(peers.open(OFFER) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, Unavailable) for outcome in outcomes) == 2


async def test_the_number_of_peers_is_bounded(peers: Peers):
    peers._limit = 1
    first = await peers.open(OFFER)
    with pytest.raises(Unavailable) as caught:
        await peers.open(OFFER)
    assert caught.value.code == "too_many_peers"
    await first.close()
    await asyncio.sleep(0)  # its place is given back in the next turn of the loop
    assert (await peers.open(OFFER)).answer


async def test_a_spare_that_died_is_replaced_before_an_offer_meets_it(peers: Peers):
    spare = await asyncio.shield(peers._next_spare())
    os.kill(spare.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        await spare.ended
        peer = await peers.open(OFFER)
    assert peer.pid != spare.pid


async def test_the_peer_keeps_only_the_newest_sample_socket(peers: Peers):
    peer = await peers.open(OFFER)
    first, second = peer.plug(), peer.plug()
    with first, second:
        first.setblocking(False)
        async with asyncio.timeout(PATIENCE_S):
            assert await asyncio.get_running_loop().sock_recv(first, 100) == b""  # closed by the peer
        second.setblocking(False)
        with pytest.raises(BlockingIOError):
            second.recv(100)


async def test_all_processes_end_with_close():
    peers = Peers(MediaBinding())
    await peers.start()
    opened = await peers.open(OFFER)
    spare = await asyncio.shield(peers._next_spare())
    await peers.close()
    assert not is_running(opened.pid)
    assert not is_running(spare.pid)


ORPHAN_MAKER = """
import asyncio, sys
from ingest.peers import Peers
from plenum.rtc_binding import MediaBinding

async def main():
    peers = Peers(MediaBinding(), log_format="json")
    await peers.start()
    peer = await peers.open(sys.stdin.read())
    print(peer.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_no_peer_outlives_a_killed_ingest():
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN_MAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as ingest:
        assert ingest.stdin
        assert ingest.stdout
        ingest.stdin.write(OFFER)
        ingest.stdin.close()
        pid = int(ingest.stdout.readline())
        assert is_running(pid)
        ingest.kill()
        ingest.wait()
        until = time.monotonic() + PATIENCE_S
        while is_running(pid) and time.monotonic() < until:
            os.sched_yield()
    assert not is_running(pid)


async def test_the_control_sockets_are_no_leak(peers: Peers):
    def sockets() -> int:
        return sum(path.is_socket() for path in Path("/proc/self/fd").iterdir())

    await asyncio.shield(peers._next_spare())
    before = sockets()
    for _ in range(5):
        peer = await peers.open(OFFER)
        plug: socket.socket = peer.plug()
        plug.close()
        await peer.close()
    await asyncio.shield(peers._next_spare())
    assert sockets() <= before
