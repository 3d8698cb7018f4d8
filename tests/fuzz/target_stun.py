"""Datagrams from strangers and from the browser, up to the point where aioice and DTLS see them (D1 to D5)."""

from __future__ import annotations

import asyncio
import copy
import functools
import hashlib
import hmac
import struct
from collections import Counter
from types import SimpleNamespace

from aioice import stun
from structlog.testing import capture_logs

from plenum.datagrams import DATAGRAM_MAX, QUEUE_MAX, DatagramGuard, parse_stun
from plenum.rtc_seam import GuardedStunProtocol
from tests.fuzz.pieces import join, split

UFRAG, PASSWORD = "ours", "p" * 22
THEIRS, THEIR_PASSWORD = "them", "q" * 22
SOURCES = (("198.51.100.7", 50000), ("203.0.113.9", 4444))
TRANSACTION = b"t" * 12
AS_IS, SIGN_OURS, SIGN_THEIRS, FROM_STRANGER, FULL = 0, 1, 2, 4, 8


def target(data: bytes) -> None:
    """Each piece is a datagram, its first byte says whether it is signed and where it comes from."""
    protocol, seen = _protocol(), _Seen()
    proven: set[tuple[str, int]] = set()
    protocol.receiver, protocol._guard, protocol._dropped = seen, DatagramGuard(UFRAG, PASSWORD), Counter()
    transaction = SimpleNamespace(response_received=seen.response_received)
    protocol.transactions = {TRANSACTION: transaction}
    with capture_logs() as logs:
        for count, piece in enumerate(split(data), 1):
            how, datagram = piece[0] if piece else AS_IS, _signed(piece)
            source = SOURCES[bool(how & FROM_STRANGER)]
            seen.queued, before = QUEUE_MAX if how & FULL else 0, len(seen.media)
            protocol.datagram_received(datagram, source)
            _check_media(seen.media[before:], datagram, source in proven, seen.queued)
            if protocol._guard.knows(source) and source not in proven:
                assert _is_authentic(datagram), "an address was proven by a datagram that is not signed"
                proven.add(source)
            assert len(seen.media) + seen.stun + sum(protocol._dropped.values()) >= count - len(logs)
            assert len(logs) <= sum(bool(one and one[0] & 3) for one in split(data)), "a stranger fills the log"


def _check_media(passed: list[bytes], datagram: bytes, proven: bool, queued: int) -> None:
    for one in passed:
        assert one == datagram
        assert proven, "media from an address that did not show the credentials"
        assert 2 <= len(one) <= DATAGRAM_MAX
        assert 20 <= one[0] <= 63 or 128 <= one[0] <= 191, "neither DTLS nor SRTP"
        assert queued < QUEUE_MAX


def _is_authentic(datagram: bytes) -> bool:
    message = parse_stun(datagram)
    assert message is not None
    key = PASSWORD if message.kind == 1 else THEIR_PASSWORD
    return hmac.digest(key.encode(), message.signed, "sha1") == message.integrity


class _Seen:
    """What stands behind the guard: aioice's connection."""

    remote_username, remote_password = THEIRS, THEIR_PASSWORD

    def __init__(self) -> None:
        self.media: list[bytes] = []
        self.stun = 0
        self.queued = 0
        self._queue = SimpleNamespace(qsize=lambda: self.queued)

    def data_received(self, data: bytes, component: int) -> None:
        self.media.append(data)

    def request_received(self, message: stun.Message, addr: tuple[str, int], protocol: object) -> None:
        self.stun += 1

    def response_received(self, message: stun.Message, addr: tuple[str, int]) -> None:
        self.stun += 1


def _protocol() -> GuardedStunProtocol:
    return copy.copy(_made())


@functools.cache
def _made() -> GuardedStunProtocol:
    async def make() -> GuardedStunProtocol:  # it makes a future, which wants a loop
        made = GuardedStunProtocol(None, None, Counter())  # type: ignore[arg-type]
        made.local_candidate = SimpleNamespace(component=1)  # type: ignore[assignment]
        return made

    return asyncio.run(make())


def _signed(piece: bytes) -> bytes:
    """The datagram; with the flag a STUN header that fits and a MESSAGE-INTEGRITY, so that attributes get further."""
    how, body = (piece[0], piece[1:]) if piece else (AS_IS, b"")
    if not how & (SIGN_OURS | SIGN_THEIRS) or len(body) < 20:
        return body
    body = body[: len(body) // 4 * 4]
    key = PASSWORD if how & SIGN_OURS else THEIR_PASSWORD
    head = body[:2] + struct.pack("!HI", len(body) - 20 + 24, 0x2112A442) + body[8:20]
    digest = hmac.new(key.encode(), head + body[20:], hashlib.sha1).digest()
    return head + body[20:] + struct.pack("!HH", 8, 20) + digest


def _request(**attributes: object) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, TRANSACTION)
    message.attributes["USERNAME"] = f"{UFRAG}:{THEIRS}"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 2
    message.attributes.update(attributes)
    return bytes(message)


def _with_integrity(message: bytes, password: str) -> bytes:
    parsed = stun.parse_message(message)
    parsed.add_message_integrity(password.encode())
    return bytes(parsed)


def _answer() -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, TRANSACTION)
    message.attributes["XOR-MAPPED-ADDRESS"] = SOURCES[0]
    return bytes(message)


_DTLS, _SRTP = bytes([22]) + bytes(20), bytes([128]) + bytes(20)
SEEDS = [
    join([bytes([AS_IS]) + _with_integrity(_request(), PASSWORD), bytes([AS_IS]) + _DTLS, bytes([FULL]) + _SRTP]),
    join([bytes([SIGN_OURS]) + _request(), bytes([AS_IS]) + _SRTP, bytes([FROM_STRANGER]) + _SRTP, b"\0"]),
    join([bytes([SIGN_THEIRS]) + _answer(), bytes([AS_IS]) + _DTLS, bytes([AS_IS]) + bytes([22])]),
    join([bytes([AS_IS]) + _with_integrity(_answer(), THEIR_PASSWORD), b"\0" + bytes(3000)]),
    join([bytes([SIGN_OURS]) + _request(**{"USE-CANDIDATE": None}) + struct.pack("!HHI", 0x7777, 4, 1)]),
]
TOKENS = [bytes.fromhex(text) for text in ("2112a442", "00060009", "00080014", "80280004", "00010008", "00090004")]
