"""The receiving session with a real WebRTC end opposite, under attack; and the names in aiortc and aioice it stands on."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
from collections.abc import AsyncIterator

import pytest
from aioice.ice import Connection, StunProtocol
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender

from ingest.aiortc_seam import ReceivingSession
from ingest.peer_messages import PeerEnd
from loadtests.attacks import ATTACKS
from plenum.answer import read_transport
from plenum.offer import read_offer
from plenum.rtc_binding import MediaBinding
from plenum.rtc_seam import GuardedStunProtocol, MediaPipe, bind_media
from plenum.rtp import RtpPacket, pack_rtp

PATIENCE_S = 15


class Pair:
    """A presenter (aiortc) and our session, on loopback."""

    def __init__(self) -> None:
        self.session = ReceivingSession()
        self.presenter = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.presenter.addTransceiver("video", "sendonly")
        bind_media(self.presenter, MediaBinding())
        self.pipe = MediaPipe(self.presenter)
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.answer = ""
        self._sequence = 0

    async def negotiate(self) -> None:
        await self.presenter.setLocalDescription(await self.presenter.createOffer())
        offer = read_offer(self.presenter.localDescription.sdp)
        self.answer = await self.session.answer(
            offer, MediaBinding(), lambda data, _: self.received.put_nowait(data), lambda *_: None
        )

    async def connect(self) -> None:
        await self.presenter.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        async with asyncio.timeout(PATIENCE_S):
            await self.pipe.connected

    @property
    def address(self) -> tuple[str, int]:
        fields = read_transport(self.answer).candidates[0].split()
        return fields[4], int(fields[5])

    async def media_flows(self, count: int = 50) -> bool:
        """Send packets; whether all of them arrive."""
        await self.session._pipe.connected  # the other end of the handshake, a few milliseconds later
        sent = []
        for _ in range(count):
            self._sequence += 1
            sent.append(pack_rtp(RtpPacket(97, True, self._sequence, self._sequence * 3000, 1, b"picture")))
        await self.pipe.send(sent)
        async with asyncio.timeout(PATIENCE_S):
            received = [await self.received.get() for _ in range(count)]
        return received == sent

    async def close(self) -> None:
        await self.presenter.close()
        await self.session.close()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair()
    yield pair
    await pair.close()


@contextlib.contextmanager
def stranger():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


def heard_nothing(sock: socket.socket) -> bool:
    try:
        sock.recv(2048)
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_stranger_neither_harms_the_session_nor_gets_an_answer(pair: Pair, name: str):
    await pair.negotiate()
    with stranger() as attacker:
        for _ in range(20):
            attacker.sendto(ATTACKS[name], pair.address)
        await pair.connect()
        assert await pair.media_flows()
        for _ in range(20):
            attacker.sendto(ATTACKS[name], pair.address)
        assert await pair.media_flows()
        assert heard_nothing(attacker)
    assert sum(pair.session.dropped.values()) == 40
    assert not pair.session.ended.done()


async def test_without_the_guard_the_first_empty_datagram_ends_the_session(monkeypatch: pytest.MonkeyPatch):
    """The control: what the tests above hold back is real (aiortc 1.16: IndexError in `RTCDtlsTransport._recv_next`)."""
    monkeypatch.setattr(GuardedStunProtocol, "datagram_received", StunProtocol.datagram_received)
    pair = Pair()
    try:
        await pair.negotiate()
        await pair.connect()
        assert await pair.media_flows()
        with stranger() as attacker:
            attacker.sendto(b"", pair.address)
            async with asyncio.timeout(PATIENCE_S):
                await pair.session.ended
    finally:
        await pair.close()


async def test_a_flood_at_an_unfinished_session_queues_nothing(pair: Pair):
    await pair.negotiate()
    with stranger() as attacker:
        for turn in range(20_000):
            with contextlib.suppress(BlockingIOError):
                attacker.sendto(b"\x80" * 1200, pair.address)
            if turn % 50 == 0:
                await asyncio.sleep(0)
    [transceiver] = pair.session._pc.getTransceivers()
    assert transceiver.receiver.transport.transport._connection._queue.qsize() == 0
    assert pair.session.dropped["datagram_unknown_source"] > 1000
    await pair.connect()
    assert await pair.media_flows()


async def test_a_presenter_who_says_goodbye_has_left(pair: Pair):
    await pair.negotiate()
    await pair.connect()
    assert await pair.media_flows(1)
    await pair.presenter.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await pair.session.ended is PeerEnd.LEFT


async def test_a_presenter_whose_consent_ends_is_lost(pair: Pair):
    await pair.negotiate()
    await pair.connect()
    assert await pair.media_flows(1)
    [transceiver] = pair.session._pc.getTransceivers()
    await transceiver.receiver.transport.transport._connection.close()  # what aioice does when consent has expired
    async with asyncio.timeout(PATIENCE_S):
        assert await pair.session.ended is PeerEnd.LOST


async def test_each_packet_comes_with_the_time_the_kernel_received_it(pair: Pair):
    await pair.negotiate()
    arrivals: list[int] = []
    pair.session._pipe.on_media(lambda _, arrival: arrivals.append(arrival), lambda *_: None)
    await pair.connect()
    while len(arrivals) < 2:
        await pair.pipe.send([pack_rtp(RtpPacket(97, True, 1 + len(arrivals), 0, 1, b"x"))])
        await asyncio.sleep(0)
    now = asyncio.get_running_loop().time() * 1_000_000
    assert all(now - 5_000_000 < arrival <= now for arrival in arrivals)


async def test_a_handler_that_fails_does_not_end_the_session(pair: Pair):
    await pair.negotiate()
    failed: list[bytes] = []

    def fail_once(data: bytes, _: int) -> None:
        if not failed:
            failed.append(data)
            raise ValueError("a packet nobody understands")
        pair.received.put_nowait(data)

    pair.session._pipe.on_media(fail_once, lambda *_: None)
    await pair.connect()
    await pair.pipe.send([pack_rtp(RtpPacket(97, True, 60_000, 0, 1, b"odd"))])
    assert await pair.media_flows()


PRIVATE = [
    # (owner, name, parameters as we pass or take them)
    (Connection, "get_component_candidates", ["self", "component", "addresses", "timeout"]),
    (Connection, "data_received", ["self", "data", "component"]),
    (StunProtocol, "datagram_received", ["self", "data", "addr"]),
    (StunProtocol, "__init__", ["self", "receiver"]),
    (RTCDtlsTransport, "_handle_rtp_data", ["self", "data", "arrival_time_ms"]),
    (RTCDtlsTransport, "_handle_rtcp_data", ["self", "data"]),
    (RTCDtlsTransport, "_send_rtp", ["self", "data"]),
    (RTCRtpReceiver, "receive", ["self", "parameters"]),
    (RTCRtpSender, "send", ["self", "parameters"]),
]


@pytest.mark.parametrize(("owner", "name", "parameters"), PRIVATE, ids=lambda value: getattr(value, "__name__", None))
def test_the_libraries_still_have_the_methods_we_hook_into(owner: type, name: str, parameters: list[str]):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


async def test_the_libraries_objects_still_have_the_attributes_we_use():
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = pc.addTransceiver("video", "sendonly")
    ice = transceiver.receiver.transport.transport
    connection = ice._connection
    assert isinstance(ice, RTCIceTransport)
    assert callable(ice._recv)
    assert connection._protocols == []
    assert connection._queue.qsize() == 0
    assert connection._closing is False
    assert {connection.remote_username, connection.remote_password} == {None}
    assert len(connection.local_username) >= 4
    assert len(connection.local_password) >= 22
    assert StunProtocol(connection).transactions == {}
    assert transceiver.sender._ssrc != transceiver.sender._rtx_ssrc
    await pc.close()
