"""What is made of a checked offer: the offer that aiortc gets, and the answer that the presenter gets. Rules only.

Both are written here from checked values. aiortc only contributes what its transport says about itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from plenum.offer import (
    ABS_SEND_TIME_URI,
    Codec,
    Offer,
    Section,
    Transport,
    attribute,
    attributes,
    group_lines,
    uses_transport_cc,
)

START_BITRATE_KBPS = 2500
"""What Chromium begins with instead of its careful 300 kbit/s (`x-google-start-bitrate`); others ignore it."""
AUDIO_BITRATE_BPS = 128_000

CANONICAL_PAYLOAD_TYPE = {"H264": 96, "VP8": 97, "opus": 111}
"""aiortc only keeps payload types from 96 on; browsers also use others. It never sees a packet, so any will do."""


def canonical_offer(offer: Offer) -> str:
    """The offer in our own words, without candidates: what aiortc is given."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=-", "t=0 0", _bundle(offer.used)]
    for section in offer.used:
        lines += _canonical_section(section, offer.transport)
    return _text(lines)


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def _bundle(sections: Iterable[Section]) -> str:
    return "a=group:BUNDLE " + " ".join(section.mid for section in sections)


def _transport_lines(transport: Transport) -> list[str]:
    return [
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.password}",
        *(f"a=fingerprint:{fingerprint}" for fingerprint in transport.fingerprints),
        f"a=setup:{transport.setup}",
    ]


def _canonical_section(section: Section, transport: Transport) -> list[str]:
    codec = section.codec
    assert codec  # noqa: S101 - only sections in use are written
    number = CANONICAL_PAYLOAD_TYPE[codec.name]
    lines = [
        f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {number}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        "a=sendonly",
        "a=rtcp-mux",
        *_transport_lines(transport),
        f"a=rtpmap:{number} {_encoding(codec)}",
    ]
    if codec.name == "H264":
        lines.append(f"a=fmtp:{number} packetization-mode=1;profile-level-id=42e01f")
    return lines


def _encoding(codec: Codec) -> str:
    return "opus/48000/2" if codec.name == "opus" else f"{codec.name}/90000"


def read_transport(answer: str) -> Transport:
    """The local parameters in an SDP that aiortc wrote. Raises BadInput `bad_offer` if there are none."""
    groups = group_lines(answer.replace("\r\n", "\n").strip("\n").split("\n"))
    media = groups[1] if len(groups) > 1 else []
    fingerprints = tuple(text for text in attributes(media, "fingerprint") if text.startswith("sha-256 "))
    return Transport(
        ufrag=attribute(media, "ice-ufrag"),
        password=attribute(media, "ice-pwd"),
        fingerprints=fingerprints,
        setup=attribute(media, "setup"),
        candidates=tuple(attributes(media, "candidate")),
    )


def write_answer(offer: Offer, transport: Transport, session: int) -> str:
    """The whole answer: complete, with all candidates; `session` is the number of the o= line."""
    lines = ["v=0", f"o=- {session} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", _bundle(offer.used), "a=msid-semantic:WMS *"]
    for section in offer.sections:
        lines += _answer_section(section, transport) if section.codec else _refusal(section)
    return _text(lines)


def _refusal(section: Section) -> list[str]:
    return [
        f"m={section.kind} 0 {section.protocol} {section.formats}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
        f"a=mid:{section.mid}",
    ]


def _answer_section(section: Section, transport: Transport) -> list[str]:
    codec = section.codec
    assert codec  # noqa: S101 - as above
    numbers = [codec.payload_type] + ([codec.rtx_payload_type] if codec.rtx_payload_type is not None else [])
    host, port = _first_address(transport)
    lines = [
        f"m={section.kind} {port} UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}",
        f"c=IN IP{6 if ':' in host else 4} {host}",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        "a=recvonly",
        "a=rtcp-mux",
        *(["a=rtcp-rsize"] if section.reduced_size else []),
        *_transport_lines(transport),
        *(f"a=extmap:{number} {uri}" for number, uri in section.extensions if _wanted(uri, section)),
        f"a=rtpmap:{codec.payload_type} {_encoding(codec)}",
        *(f"a=rtcp-fb:{codec.payload_type} {text}" for text in codec.feedback if _wanted(text, section)),
        f"a=fmtp:{codec.payload_type} {_format(codec)}",
    ]
    if codec.rtx_payload_type is not None:
        lines += [f"a=rtpmap:{numbers[1]} rtx/90000", f"a=fmtp:{numbers[1]} apt={codec.payload_type}"]
    lines += [f"a=candidate:{candidate}" for candidate in transport.candidates]
    return [*lines, "a=end-of-candidates"]


def _first_address(transport: Transport) -> tuple[str, str]:
    fields = transport.candidates[0].split() if transport.candidates else []
    return (fields[4], fields[5]) if len(fields) > 5 else ("0.0.0.0", "9")  # noqa: S104 - SDP's "no address"


def _wanted(what: str, section: Section) -> bool:
    other_control = what in (ABS_SEND_TIME_URI, "goog-remb")
    return not (other_control and uses_transport_cc(section))


def _format(codec: Codec) -> str:
    start = f"x-google-start-bitrate={START_BITRATE_KBPS}"
    if codec.name == "opus":
        return f"minptime=10;stereo=1;maxaveragebitrate={AUDIO_BITRATE_BPS}"
    if codec.name == "H264":
        profile = codec.profile_level_id
        return f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile};{start}"
    return start
