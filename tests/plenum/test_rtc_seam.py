"""Where media sockets are bound and what is announced."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from plenum.answer import read_transport
from plenum.datagrams import DatagramGuard, Verdict
from plenum.errors import BadInput, Unavailable
from plenum.rtc_binding import MediaBinding
from plenum.rtc_seam import GuardedStunProtocol, bind_media, interface_addresses


@pytest.fixture
async def pc() -> AsyncIterator[RTCPeerConnection]:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video", "sendonly")
    yield pc
    await pc.close()


async def announced(pc: RTCPeerConnection, binding: MediaBinding) -> list[tuple[str, int]]:
    bind_media(pc, binding)
    await pc.setLocalDescription(await pc.createOffer())
    fields = [candidate.split() for candidate in read_transport(pc.localDescription.sdp).candidates]
    return [(entry[4], int(entry[5])) for entry in fields]


def bound(pc: RTCPeerConnection) -> list[str]:
    [transceiver] = pc.getTransceivers()
    protocols = transceiver.receiver.transport.transport._connection._protocols
    return [protocol.transport.get_extra_info("sockname")[0] for protocol in protocols]


async def test_on_loopback_really_only_loopback_is_bound(pc: RTCPeerConnection):
    assert [host for host, _ in await announced(pc, MediaBinding(("127.0.0.1",)))] == ["127.0.0.1"]
    assert bound(pc) == ["127.0.0.1"]


async def test_ports_come_from_the_range(pc: RTCPeerConnection):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert await announced(pc, MediaBinding(port_min=port, port_max=port)) == [("127.0.0.1", port)]


async def test_a_port_in_use_is_passed_over_and_a_full_range_is_an_error(pc: RTCPeerConnection):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            await announced(pc, MediaBinding(port_min=port, port_max=port))
    assert caught.value.code == "no_port"
    assert str(port) in caught.value.message


async def test_an_address_that_is_not_ours_is_an_error_that_names_it(pc: RTCPeerConnection):
    with pytest.raises(Unavailable, match=r"203\.0\.113\.1"):
        await announced(pc, MediaBinding(("203.0.113.1",), port_min=20_000, port_max=60_000))


async def test_the_public_address_is_announced_instead_of_the_bound_one(pc: RTCPeerConnection):
    [(host, _)] = await announced(pc, MediaBinding(("127.0.0.1",), public_address="203.0.113.5"))
    assert host == "203.0.113.5"
    assert bound(pc) == ["127.0.0.1"]


async def test_behind_a_public_address_a_wildcard_stays_one_and_loopback_is_beside_it(pc: RTCPeerConnection):
    hosts = [host for host, _ in await announced(pc, MediaBinding(("0.0.0.0",), public_address="203.0.113.5"))]
    assert hosts == ["203.0.113.5", "127.0.0.1"]
    assert bound(pc) == ["0.0.0.0", "127.0.0.1"]


async def test_a_wildcard_is_every_interface_with_loopback_last(pc: RTCPeerConnection):
    hosts = [host for host, _ in await announced(pc, MediaBinding(("0.0.0.0",)))]
    assert hosts == interface_addresses(4)
    assert hosts[-1].startswith("127.")


async def test_the_receive_buffer_holds_a_key_frame(pc: RTCPeerConnection):
    await announced(pc, MediaBinding())
    [transceiver] = pc.getTransceivers()
    [protocol] = transceiver.receiver.transport.transport._connection._protocols
    size = protocol.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert size > 262_144  # what aioice asks for


@pytest.mark.parametrize(
    "binding",
    [
        MediaBinding(("everywhere",)),
        MediaBinding(()),
        MediaBinding(public_address="live.example.org"),
        MediaBinding(port_min=2000, port_max=1000),
        MediaBinding(port_max=1000),
    ],
)
def test_settings_that_make_no_sense_are_refused(binding: MediaBinding):
    with pytest.raises(BadInput, match="rtc"):
        binding.checked()


# A signed answer to a check of ours, with an address of family 226.
NO_SUCH_FAMILY = (
    b"\x01\x01\x00$!\x12\xa4Btttttttttttt\x00 \x00\x08\x01\xe2\xe7\xcc!\xc0E\x00"
    b"\x00\x08\x00\x14\x8c\x8e\x9b\x94\xd4\x0fL\xf4\x8d\x1f\x03-F\xe0K\xe8ZK\xeb\xf6"
)


async def test_stun_that_aioice_does_not_understand_is_not_queued_as_media():
    queued: list[bytes] = []
    receiver = SimpleNamespace(
        remote_username="them",
        remote_password="q" * 22,
        _queue=SimpleNamespace(qsize=lambda: len(queued)),
        data_received=lambda data, component: queued.append(data),
    )
    dropped: Counter[str] = Counter()
    protocol = GuardedStunProtocol(receiver, DatagramGuard("ours", "p" * 22), dropped)
    protocol.local_candidate = SimpleNamespace(component=1)
    protocol.transactions = {b"t" * 12: None}
    protocol.datagram_received(NO_SUCH_FAMILY, ("198.51.100.7", 50000))
    assert (queued, dropped) == ([], {Verdict.MALFORMED: 1})
