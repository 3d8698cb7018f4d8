"""Datagrams that harm WebRTC servers (ROBUSTNESS.md D1 to D5): what a stranger may throw at a media port. Rules only."""

from __future__ import annotations

import base64
import struct

from aioice import stun


def dtls(kind: int, body: bytes) -> bytes:
    return bytes([kind, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0]) + len(body).to_bytes(2, "big") + body


def unsigned_check() -> bytes:
    return bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))


def wrongly_signed_check() -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "abcd:efgh"
    message.add_message_integrity(b"guess")
    return bytes(message)


ATTACKS = {
    # what it is called in reports: the datagram
    "empty datagram": b"",
    "one byte": b"\x16",
    "DTLS fatal alert": dtls(21, b"\x02\x28"),
    "DTLS close_notify": dtls(21, b"\x01\x00"),
    "DTLS junk handshake": dtls(22, b"\xff" * 40),
    "DTLS ServerHello": dtls(22, b"\x02\x00\x00\x26" + bytes(8) + b"\xfe\xfd" + bytes(36)),
    "DTLS HelloVerifyRequest": dtls(22, b"\x03\x00\x00\x03" + bytes(8) + b"\xfe\xff\x00"),
    "DTLS change cipher spec": dtls(20, b"\x01"),
    "DTLS application data": dtls(23, b"\x00" * 30),
    "short SRTP": b"\x80" * 3,
    "forged SRTP": b"\x80\x60" + bytes(60),
    "forged SRTCP": b"\x80\xc8" + bytes(60),
    "STUN without credentials": unsigned_check(),
    "STUN with a guessed password": wrongly_signed_check(),
    "STUN with a wrong attribute length": base64.b64decode("AQMAEQMaAAAAAAAAAKmpqampqakaAAAEAAj7AAADABEDGgAAAQ=="),
    "STUN header alone": b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
    "other protocol": b"GET / HTTP/1.1\r\n\r\n",
}


def spoofed(source: tuple[str, int], target: tuple[str, int], payload: bytes) -> bytes:
    """An IPv4 packet for a raw socket that says it comes from `source` (RFC 791, RFC 768; no checksum in UDP)."""
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload
    addresses = b"".join(bytes(map(int, host.split("."))) for host, _ in (source, target))
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses + udp


_HEAD = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
_SECURITY = (
    b"a=ice-ufrag:abcd\r\na=ice-pwd:"
    + b"x" * 22
    + b"\r\na=fingerprint:sha-256 "
    + b":".join([b"AB"] * 32)
    + b"\r\na=setup:actpass\r\n"
)
_VIDEO = b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
_WHOLE = _HEAD + _SECURITY + _VIDEO
_CANDIDATE = b"a=candidate:%d 1 udp 1 198.51.100.7 5 typ host\r\n"

MALFORMED_OFFERS = {
    # what it is called in reports: the offer
    "10,000 candidates": _WHOLE + b"".join(_CANDIDATE % number for number in range(10_000)),
    "400 media sections": _HEAD + _SECURITY + _VIDEO * 400,
    "nothing": b"",
    "a NUL": b"v=0\0",
    "a version alone": b"v=0",
    "bytes that are no text": b"v=0\r\n\xff\xfe",
    "lines without a type": b"v=0\r\nnonsense\r\n",
    "five media sections": _HEAD + _SECURITY + _VIDEO * 5,
    "a media line cut off": _HEAD + _SECURITY + b"m=video\r\n",
    "a port that is no number": _WHOLE.replace(b"video 9", b"video x"),
    "no codec we know": _WHOLE.replace(b"VP8", b"VP9"),
    "H.264 without a mode": _WHOLE.replace(b"VP8", b"H264"),
    "a clock rate that is no number": _WHOLE.replace(b"VP8/90000", b"VP8/fast"),
    "only receiving": _WHOLE.replace(b"sendonly", b"recvonly"),
    "unencrypted": _WHOLE.replace(b"UDP/TLS/RTP/SAVPF", b"RTP/AVP"),
    "no credentials": _HEAD + _VIDEO,
    "a password with a space": _WHOLE.replace(b"pwd:xx", b"pwd:x x"),
    "a fingerprint cut off": _WHOLE.replace(b":AB", b"", 1),
    "a fingerprint of a weak hash": _WHOLE.replace(b"sha-256", b"sha-1"),
    "an unknown role": _WHOLE.replace(b"actpass", b"holdconn"),
    "a section without a name": _WHOLE.replace(b"a=mid:0\r\n", b""),
    "a name of 40 letters": _WHOLE.replace(b"mid:0", b"mid:" + b"m" * 40),
    "separate RTCP": _WHOLE.replace(b"a=rtcp-mux\r\n", b""),
    "a line of 30,000 letters": _WHOLE + b"a=x:" + b"y" * 30_000 + b"\r\n",
}
"""Each lacks something that a session needs, or is too much; 24 in all."""
