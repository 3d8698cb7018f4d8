"""A stranger's SDP: refused with `bad_offer`, or read into something that both aiortc and a browser understand (D6 to D8)."""

from __future__ import annotations

from pathlib import Path

import msgspec
from aiortc.sdp import SessionDescription

from plenum.answer import canonical_offer, read_transport, write_answer
from plenum.offer import MEDIA_SECTIONS_MAX, Offer, Transport, read_offer
from plenum.signalling import FRAGMENT, check_patch
from tests.fuzz.allowance import only

_CHROMIUM = (Path(__file__).parent.parent / "plenum" / "offers" / "chromium.sdp").read_bytes()
_FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
_OURS = Transport(
    "ours",
    "p" * 24,
    (_FINGERPRINT,),
    "active",
    ("1 1 udp 2130706431 198.51.100.1 40000 typ host", "2 1 udp 1 ::1 4 typ host"),
)


def target(data: bytes) -> None:
    text = data.decode(errors="replace")
    for body in (data, text):
        with only("bad_offer"):
            _check(read_offer(body))
    with only("bad_offer"):
        read_transport(text)
    with only("no_ice_restart", "etag_mismatch"):
        check_patch(FRAGMENT, '"tag"', '"tag"', "ours", text)


def _check(offer: Offer) -> None:
    assert 1 <= len(offer.used) <= len(offer.sections) <= MEDIA_SECTIONS_MAX
    given = SessionDescription.parse(canonical_offer(offer))
    assert [section.mid for section in offer.used] == [media.rtp.muxId for media in given.media]
    assert all(not media.ice_candidates and media.dtls and media.ice.password for media in given.media)
    answer = write_answer(_with_plain_refusals(offer), _OURS, 1)
    assert len(answer) < 16 * 1024
    read = SessionDescription.parse(answer)
    assert [media.kind for media in read.media] == [section.kind for section in offer.sections]
    assert [media.rtp.muxId for media in read.media] == [section.mid for section in offer.sections]
    for section, media in zip(offer.sections, read.media, strict=True):
        assert (media.port != 0) == bool(section.codec)
        assert not section.codec or media.rtp.codecs[0].payloadType == section.codec.payload_type


def _with_plain_refusals(offer: Offer) -> Offer:
    """Refused sections repeat the formats that they were offered with; aiortc wants payload types that it likes."""
    sections = [
        section if section.codec else msgspec.structs.replace(section, formats="0") for section in offer.sections
    ]
    return msgspec.structs.replace(offer, sections=tuple(sections))


def _short(*media: str) -> bytes:
    session = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
    transport = ["a=ice-ufrag:abcd", "a=ice-pwd:" + "x" * 22, f"a=fingerprint:{_FINGERPRINT}", "a=setup:actpass"]
    return "".join(f"{line}\r\n" for line in [*session, *transport, *media]).encode()


_VIDEO = ("m=video 9 UDP/TLS/RTP/SAVPF 97 98", "a=mid:0", "a=rtcp-mux", "a=rtpmap:97 VP8/90000", "a=rtcp-fb:* nack")
_AUDIO = ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:1", "a=sendonly", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2")
_DATA = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2", "a=sctp-port:5000")
SEEDS = [
    _CHROMIUM,
    _short(*_VIDEO, *_AUDIO),
    _short(*_VIDEO, "a=rtpmap:98 rtx/90000", "a=fmtp:98 apt=97", *_DATA),
    _short(
        "m=video 9 UDP/TLS/RTP/SAVPF 99",
        "a=mid:a",
        "a=rtcp-mux",
        "a=rtpmap:99 H264/90000",
        "a=fmtp:99 packetization-mode=1",
    ),
    _short(*_AUDIO, "m=video 0 RTP/AVP 0", "a=mid:x", "a=inactive"),
    _short(*_VIDEO, "a=fingerprint:ſha-256 " + ":".join(["AB"] * 32)),
    _short("m=video 9 UDP/TLS/RTP/SAVPF 72", "a=mid:0", "a=rtcp-mux", "a=rtpmap:72 VP8/90000"),
]
TOKENS = [
    text.encode()
    for text in (
        *(
            "a=mid:",
            "a=fmtp:97 ",
            "a=rtcp-fb:",
            "a=extmap:3/sendonly ",
            "a=bundle-only\r\n",
            "m=audio 0 RTP/AVP ",
            " apt=97",
        ),
        *(
            "profile-level-id=42e01f;",
            "packetization-mode=1;",
            "a=fingerprint:sha-512 ",
            "\r\n",
            "\u2028",
            "\x85",
            "ſ",
            "K",
        ),
        *(
            "9" * 20,
            "a=recvonly\r\n",
            "m=video 9 UDP/TLS/RTP/SAVPF ",
            "a=group:BUNDLE ",
            "a=candidate:1 1 udp 1 x 1 typ host\r\n",
        ),
    )
]
MAX_LEN = 33 * 1024
