"""Every private hook into aioice and aiortc that both ends of an ingest session need; `tests/plenum/test_rtc_seam.py`
watches each name used. What only the receiving end needs is in `ingest/aiortc_seam.py`.

- `bind_media`: aioice leaves out 127.0.0.1, binds every interface and any port. We bind the addresses we were given.
- `GuardedStunProtocol`: the datagram guard (`plenum/datagrams.py`) before anything of aioice sees a datagram.
- `MediaPipe`: RTP and RTCP as bytes, both ways, past aiortc's senders, receivers, jitter buffers and codecs.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import secrets
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, cast

import ifaddr
from aioice import stun
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol
from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters, RTCRtpSendParameters

from plenum.datagrams import DatagramGuard, Verdict
from plenum.errors import Unavailable
from plenum.log import get_logger
from plenum.rtc_binding import MediaBinding
from plenum.udp import UdpTransport

log = get_logger("rtc")

SOCKET_BUFFER = 4 * 1024 * 1024
"""A key frame arrives as one burst of a hundred packets and more; the default buffer holds about ninety."""
LOOPBACK_PREFERENCE = 1
_SO_RCVBUFFORCE = 33

OnPacket = Callable[[bytes, int], None]
"""Called with a decrypted packet and its arrival: CLOCK_MONOTONIC in µs."""


# --- ICE --------------------------------------------------------------------------------------------------------------


class GuardedStunProtocol(StunProtocol):
    """aioice's protocol behind the guard. Nothing that a stranger sends raises, is answered or is queued."""

    def __init__(self, connection: Connection, guard: DatagramGuard, dropped: Counter[str]) -> None:
        super().__init__(connection)
        self._guard = guard
        self._dropped = dropped

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        data = cast(bytes, data)
        connection = self.receiver
        verdict = self._guard.judge(
            data,
            (addr[0], addr[1]),
            transactions=self.transactions,
            remote_ufrag=connection.remote_username,
            remote_password=connection.remote_password,
            queued=connection._queue.qsize(),
            now_s=time.monotonic(),
        )
        if verdict is Verdict.MEDIA:
            connection.data_received(data, self.local_candidate.component)
        elif verdict.passes:
            self._pass_stun(data, addr)
        else:
            self._dropped[verdict] += 1

    def _pass_stun(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            stun.parse_message(data)  # what it does not understand, aioice would queue as media: without bound
            super().datagram_received(data, addr)
        except Exception as error:  # noqa: BLE001 - outermost frame; the sender holds the password, its bytes may be odd
            self._dropped[Verdict.MALFORMED] += 1
            log.warning("stun_not_understood", error=type(error).__name__)


def bind_media(pc: RTCPeerConnection, binding: MediaBinding) -> Counter[str]:
    """Make the connection gather on these addresses only, behind the guard. Call before a local description is set.

    Returns what the guard dropped, by reason, as it happens.
    """
    dropped: Counter[str] = Counter()
    for dtls in _dtls_transports(pc):
        _bind_connection(dtls.transport._connection, binding, dropped)
    return dropped


def _bind_connection(connection: Connection, binding: MediaBinding, dropped: Counter[str]) -> None:
    guard = DatagramGuard(connection.local_username, connection.local_password)

    async def gather(component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:  # noqa: ARG001
        found = []
        for address in _expand(binding):
            protocol = GuardedStunProtocol(connection, guard, dropped)
            UdpTransport(_bound_socket(address, binding), protocol)
            protocol.local_candidate = _candidate(protocol, address, component, binding)
            connection._protocols.append(protocol)
            found.append(protocol.local_candidate)
        return found

    _replace(connection, "get_component_candidates", gather)


def _bound_socket(address: str, binding: MediaBinding) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    _widen(sock)
    for port in _ports(binding):
        try:
            sock.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                break
        else:
            return sock
    sock.close()
    where = f"a free UDP port from {binding.port_min} to {binding.port_max}" if binding.port_min else "any UDP port"
    raise Unavailable(f"Media could not bind {where} on {address}. Check rtc.bind and the port range.", code="no_port")


def _widen(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, SOCKET_BUFFER)
    except OSError:  # needs CAP_NET_ADMIN; without it the kernel's net.core.rmem_max is the bound
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)


def _ports(binding: MediaBinding) -> Iterator[int]:
    """Ports to try, from a place that differs between processes so that they do not queue up at the first one."""
    if not binding.port_min:
        yield 0
        return
    size = binding.port_max - binding.port_min + 1
    start = secrets.randbelow(size)
    yield from (binding.port_min + (start + step) % size for step in range(size))


def _expand(binding: MediaBinding) -> list[str]:
    """The addresses to bind, each once. A wildcard becomes every interface's address, or itself where the announced
    address is another anyway; loopback stays in, for publishers on this machine."""
    wanted: list[str] = []
    for address in binding.addresses:
        if not ipaddress.ip_address(address).is_unspecified:
            wanted.append(address)
        elif binding.public_address:
            wanted += [address, "::1" if ":" in address else "127.0.0.1"]
        else:
            wanted += interface_addresses(6 if ":" in address else 4)
    return list(dict.fromkeys(wanted))


def interface_addresses(version: int) -> list[str]:
    """This machine's addresses, those of loopback last; without link-local ones, which need a scope."""
    found = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            address = ipaddress.ip_address(entry.ip if isinstance(entry.ip, str) else entry.ip[0])
            if address.version == version and not address.is_link_local:
                found.append(address)
    return [str(address) for address in sorted(found, key=lambda address: address.is_loopback)]


def _candidate(protocol: GuardedStunProtocol, address: str, component: int, binding: MediaBinding) -> Candidate:
    _, port = protocol.transport.get_extra_info("sockname")[:2]
    bound = ipaddress.ip_address(address)
    announced = address
    if binding.public_address and ipaddress.ip_address(binding.public_address).version == bound.version:
        announced = binding.public_address if address in binding.addresses else address
    preference = LOOPBACK_PREFERENCE if bound.is_loopback else 65535
    return Candidate(
        foundation=candidate_foundation("host", "udp", announced),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host", preference),
        host=announced,
        port=port,
        type="host",
    )


# --- RTP --------------------------------------------------------------------------------------------------------------


class MediaPipe:
    """RTP and RTCP of one session as bytes. `connected` is done when DTLS is up and SRTP has its keys; by then `sending`
    has what was negotiated for each kind of media that we send."""

    def __init__(self, pc: RTCPeerConnection) -> None:
        self._dtls = _dtls_transports(pc)[0]
        self._loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = self._loop.create_future()
        self._arrival_us = 0
        self.sending: dict[str, RTCRtpSendParameters] = {}
        for transceiver in pc.getTransceivers():
            # aiortc calls these when the transport is up, one after the other; its own tasks and threads are not wanted.
            _replace(transceiver.receiver, "receive", self._on_receive)
            _replace(transceiver.sender, "send", partial(self._on_send, transceiver.kind))

    def on_media(self, rtp: OnPacket, rtcp: OnPacket) -> None:
        """Hand over each decrypted packet. What a handler raises is logged, not passed on to the transport's pump."""

        async def handle_rtp(data: bytes, arrival_time_ms: int) -> None:  # noqa: ARG001 - aiortc names the argument
            _guarded(rtp, data, self._arrival_us)

        async def handle_rtcp(data: bytes) -> None:
            _guarded(rtcp, data, self._arrival_us)

        _replace(self._dtls.transport, "_recv", self._timed(self._dtls.transport._recv))
        _replace(self._dtls, "_handle_rtp_data", handle_rtp)
        _replace(self._dtls, "_handle_rtcp_data", handle_rtcp)

    def on_closed(self, tell: Callable[[bool], None]) -> None:
        """Called once the transport is closed: True where the other side said goodbye, False where ICE gave it up."""

        def changed() -> None:
            if self._dtls.state == "closed":
                tell(not self._dtls.transport._connection._closing)

        self._dtls.on("statechange", changed)

    async def send(self, packets: Sequence[bytes]) -> bool:
        """Encrypt and send RTP or RTCP packets; False once the transport is closed."""
        try:
            for packet in packets:
                await self._dtls._send_rtp(packet)
        except ConnectionError:
            return False
        return True

    def _timed(self, receive: Callable[[], Awaitable[bytes]]) -> Callable[[], Awaitable[bytes]]:
        """aiortc's pump takes one datagram after the other: note when the one it works on arrived."""

        async def receive_timed() -> bytes:
            data = await receive()
            self._arrival_us = getattr(data, "arrival_us", 0) or time.monotonic_ns() // 1000
            return data

        return receive_timed

    async def _on_receive(self, _: RTCRtpReceiveParameters) -> None:
        self._loop.call_soon(self._connect)

    async def _on_send(self, kind: str, parameters: RTCRtpSendParameters) -> None:
        self.sending[kind] = parameters
        self._loop.call_soon(self._connect)

    def _connect(self) -> None:
        if not self.connected.done():
            self.connected.set_result(None)


def sender_ssrcs(pc: RTCPeerConnection, kind: str) -> tuple[int, int]:
    """The SSRCs that the offer announced for a kind of media: the stream's and its repairs'."""
    sender = next(transceiver.sender for transceiver in pc.getTransceivers() if transceiver.kind == kind)
    return sender._ssrc, sender._rtx_ssrc


def _guarded(handler: OnPacket, data: bytes, arrival_us: int) -> None:
    try:
        handler(data, arrival_us)
    except Exception:
        log.exception("media_packet_failed")


def _dtls_transports(pc: RTCPeerConnection) -> list[RTCDtlsTransport]:
    """The distinct transports of a connection: one, as everything is bundled."""
    transports = [transceiver.receiver.transport for transceiver in pc.getTransceivers()]
    return list(dict.fromkeys(transports))


def _replace(target: object, name: str, replacement: Callable[..., Any]) -> None:
    """Put our own method on one object. A name that is gone is a changed library: fail here, not in silence."""
    if not callable(getattr(target, name, None)):
        raise TypeError(f"{type(target).__name__} has no method {name}: another aiortc than the one hooked into")
    setattr(target, name, replacement)
