"""Which datagrams may reach ICE, DTLS and SRTP: the guard's rules (ROBUSTNESS.md D1 to D5). Rules only.

A media port is open to the whole network, and what stands behind it trusts its input: one empty datagram ends a
session, forged DTLS before the handshake as well, and every packet is queued without bound. So nothing passes but

- a STUN Binding request that shows our user name and a MESSAGE-INTEGRITY made with our password,
- a STUN answer to a transaction of ours, made with the other side's password,
- DTLS and SRTP (by first byte, RFC 7983) from an address that one of the two has come from, no more of it than a
  presenter may send.

Anything else is dropped without an answer, so that the port cannot be used to reflect traffic either. The hook into
aioice is `plenum/rtc_seam.py`.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from collections.abc import Container
from enum import StrEnum

import msgspec

QUEUE_MAX = 2048
"""Datagrams waiting for the session; more are dropped, as a full socket buffer would."""
ADDRESSES_MAX = 16
"""Proven addresses per session; the one longest silent is forgotten first."""
DATAGRAM_MAX = 2048
MEDIA_BPS_MAX = 20_000_000
"""What passes of a session's media in a second: 12 Mbit/s of picture, and what repairs and probing add."""
MEDIA_BURST_BYTES = 2_000_000
"""A key frame of a large screen, sent at once."""
CHECKS_PER_S = 100.0
"""STUN with the right password that passes in a second: each makes aioice answer. A browser sends a dozen at the start,
then one in 2.5 s."""
CHECKS_BURST = 200.0

_STUN = struct.Struct("!HHI12s")
_COOKIE = 0x2112A442
_BINDING_REQUEST = 0x0001
_BINDING_SUCCESS = 0x0101
_BINDING_ERROR = 0x0111
_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_FINGERPRINT = 0x8028
_FINGERPRINT_XOR = 0x5354554E
_FIXED_SIZES = {0x0024: 4, 0x0025: 0, 0x8028: 4, 0x8029: 8, 0x802A: 8, _MESSAGE_INTEGRITY: 20}
"""Sizes of PRIORITY, USE-CANDIDATE, FINGERPRINT, ICE-CONTROLLED, ICE-CONTROLLING, MESSAGE-INTEGRITY."""

DTLS_MIN = 13
RTP_MIN = 12

Address = tuple[str, int]


class Verdict(StrEnum):
    """What to do with a datagram. Everything below `ANSWER` is dropped; the name is the metric's label."""

    MEDIA = "media"
    REQUEST = "request"
    ANSWER = "answer"
    SHORT = "datagram_short"
    UNKNOWN_PROTOCOL = "datagram_unknown_protocol"
    UNKNOWN_SOURCE = "datagram_unknown_source"
    MALFORMED = "datagram_malformed"
    UNAUTHENTICATED = "datagram_unauthenticated"
    QUEUE_FULL = "datagram_queue_full"
    TOO_FAST = "datagram_too_fast"

    @property
    def passes(self) -> bool:
        return self in (Verdict.MEDIA, Verdict.REQUEST, Verdict.ANSWER)


class StunMessage(msgspec.Struct, frozen=True):
    """What the guard needs of a STUN message (RFC 8489)."""

    kind: int
    transaction: bytes
    username: bytes
    integrity: bytes
    signed: bytes
    """The bytes MESSAGE-INTEGRITY covers, with the length field that it was computed with."""


class _Bucket:
    """So much at once, refilled evenly."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = self._left = burst
        self._at_s: float | None = None

    def take(self, cost: float, now_s: float) -> bool:
        if self._at_s is not None:
            self._left = min(self._burst, self._left + max(0.0, now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < cost:
            return False
        self._left -= cost
        return True


class DatagramGuard:
    """Judges every datagram of one ICE session. Knows no socket and no clock."""

    def __init__(self, ufrag: str, password: str) -> None:
        self._ufrag = ufrag.encode()
        self._password = password.encode()
        self._proven: dict[Address, None] = {}
        self._media = _Bucket(MEDIA_BPS_MAX / 8, MEDIA_BURST_BYTES)
        self._checks = _Bucket(CHECKS_PER_S, CHECKS_BURST)

    def judge(
        self,
        data: bytes,
        source: Address,
        *,
        transactions: Container[bytes] = (),
        remote_ufrag: str | None = None,
        remote_password: str | None = None,
        queued: int = 0,
        now_s: float = 0.0,
    ) -> Verdict:
        """The verdict; `transactions` are the ids of our own unanswered requests, `queued` counts waiting datagrams.

        `now_s` is monotonic. Only what would pass uses up an allowance: a stranger's flood costs the presenter nothing.
        """
        if not 2 <= len(data) <= DATAGRAM_MAX:
            return Verdict.SHORT
        if data[0] <= 3:
            verdict = self._judge_stun(data, transactions, remote_ufrag, remote_password)
            if verdict.passes and not self._checks.take(1.0, now_s):
                return Verdict.TOO_FAST
            if verdict.passes:
                self._prove(source)
            return verdict
        return self._judge_media(data, source, queued, now_s)

    def knows(self, source: Address) -> bool:
        """Whether this address has shown the session's credentials."""
        return source in self._proven

    def _judge_media(self, data: bytes, source: Address, queued: int, now_s: float) -> Verdict:
        dtls, rtp = 20 <= data[0] <= 63, 128 <= data[0] <= 191
        if not dtls and not rtp:
            return Verdict.UNKNOWN_PROTOCOL
        if source not in self._proven:
            return Verdict.UNKNOWN_SOURCE
        if len(data) < (DTLS_MIN if dtls else RTP_MIN):
            return Verdict.SHORT
        if queued >= QUEUE_MAX:
            return Verdict.QUEUE_FULL
        return Verdict.MEDIA if self._media.take(len(data), now_s) else Verdict.TOO_FAST

    def _judge_stun(
        self, data: bytes, transactions: Container[bytes], remote_ufrag: str | None, remote_password: str | None
    ) -> Verdict:
        message = parse_stun(data)
        if message is None:
            return Verdict.MALFORMED
        if message.kind == _BINDING_REQUEST:
            mine = self._is_for_us(message.username, remote_ufrag) and _signed_with(message, self._password)
            return Verdict.REQUEST if mine else Verdict.UNAUTHENTICATED
        if message.kind in (_BINDING_SUCCESS, _BINDING_ERROR) and message.transaction in transactions:
            theirs = remote_password is not None and _signed_with(message, remote_password.encode())
            return Verdict.ANSWER if theirs else Verdict.UNAUTHENTICATED
        return Verdict.UNAUTHENTICATED

    def _is_for_us(self, username: bytes, remote_ufrag: str | None) -> bool:
        local, colon, remote = username.partition(b":")
        return colon == b":" and local == self._ufrag and remote_ufrag in (None, remote.decode("ascii", "replace"))

    def _prove(self, source: Address) -> None:
        self._proven.pop(source, None)
        self._proven[source] = None
        if len(self._proven) > ADDRESSES_MAX:
            del self._proven[next(iter(self._proven))]


def parse_stun(data: bytes) -> StunMessage | None:
    """The message, or None where any length, the cookie or the fingerprint is wrong."""
    if len(data) < _STUN.size or len(data) % 4:
        return None
    kind, length, cookie, transaction = _STUN.unpack_from(data)
    if cookie != _COOKIE or length != len(data) - _STUN.size:
        return None
    username, integrity, signed = b"", b"", b""
    at = _STUN.size
    while at < len(data):
        if at + 4 > len(data):
            return None
        attribute, size = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size or _FIXED_SIZES.get(attribute, size) != size:
            return None
        if attribute == _FINGERPRINT and struct.unpack("!I", value)[0] != _fingerprint(data, at):
            return None
        if attribute == _USERNAME and not signed:
            username = value
        if attribute == _MESSAGE_INTEGRITY and not signed:
            integrity, signed = value, data[:2] + struct.pack("!H", at + 4) + data[4:at]
        at += 4 + size + (-size % 4)
    return StunMessage(kind, transaction, username, integrity, signed) if at == len(data) else None


def _fingerprint(data: bytes, at: int) -> int:
    covered = data[:2] + struct.pack("!H", at - _STUN.size + 8) + data[4:at]
    return binascii.crc32(covered) ^ _FINGERPRINT_XOR


def _signed_with(message: StunMessage, password: bytes) -> bool:
    if not message.signed:
        return False
    expected = hmac.new(password, message.signed, hashlib.sha1).digest()  # RFC 8489 14.5 dictates SHA-1 here
    return hmac.compare_digest(expected, message.integrity)
