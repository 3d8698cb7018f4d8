"""A stranger's SDP offer, read strictly (ROBUSTNESS.md D6, D7, D8). Rules only.

`read_offer` takes exactly the lines we need and nothing else; aiortc never sees the original. Its parser throws seventeen
kinds of exception, and its treatment of candidates is quadratic. Remote candidates are left out altogether, as an
ICE-lite server would do: we are reached, we do not probe addresses that somebody wrote into a text. What is made of an
`Offer` is in `plenum/answer.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from plenum.errors import BadInput

OFFER_MAX = 32 * 1024
MEDIA_SECTIONS_MAX = 4

TRANSPORT_CC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME_URI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")

_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0a-\x1f\x7f]{0,2047}")
_MEDIA = re.compile(r"m=([a-z]{1,16}) (\d{1,5})(?:/\d+)? ([A-Z/]{1,32}) ([\w\-.][\w\-. ]{0,511})", re.ASCII)
_RTPMAP = re.compile(r"(\d{1,3}) ([\w\-]{1,32})/(\d{1,6})(?:/(\d))?", re.ASCII)
_TOKEN = re.compile(r"[\w!#$%&'*+.^`{|}~-]{1,32}", re.ASCII)
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"(sha-256|sha-384|sha-512) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})", re.IGNORECASE | re.ASCII)
_FINGERPRINT_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_EXTENSION = re.compile(r"(\d{1,2})(?:/(?:sendonly|sendrecv))? (\S{1,128})(?: .*)?", re.ASCII)
_BASELINE = re.compile(r"42([0-9a-f])0[0-9a-f]{2}")
"""profile-level-id of baseline; the second bit of the captured digit (constraint_set1) makes it constrained."""
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_WHAT_TO_OFFER = "Offer H.264 constrained baseline (packetization-mode=1) or VP8 for video, and Opus for audio."


class Codec(msgspec.Struct, frozen=True):
    """The one codec we take of a media section, by the offer's numbers."""

    name: str
    """`H264`, `VP8` or `opus`."""
    payload_type: int
    rtx_payload_type: int | None = None
    profile_level_id: str = ""
    feedback: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True):
    """One m= section of the offer, in its order. `codec` is None where we refuse the section (port 0 in the answer)."""

    kind: str
    protocol: str
    formats: str
    mid: str
    codec: Codec | None = None
    extensions: tuple[tuple[int, str], ...] = ()
    reduced_size: bool = False


class Transport(msgspec.Struct, frozen=True):
    """ICE and DTLS parameters of one side."""

    ufrag: str
    password: str
    fingerprints: tuple[str, ...]
    setup: str
    candidates: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """A checked offer."""

    sections: tuple[Section, ...]
    transport: Transport

    @property
    def used(self) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.codec)

    def codec(self, kind: str) -> Codec | None:
        """The codec of `audio` or `video`, None where the presenter sends none."""
        return next((section.codec for section in self.used if section.kind == kind), None)

    def extension(self, uri: str) -> int | None:
        """The id of a header extension that we accepted; the same in all sections of a bundle (RFC 8843 10.1)."""
        return next((number for section in self.used for number, known in section.extensions if known == uri), None)


def uses_transport_cc(section: Section) -> bool:
    """Both the header extension and its feedback were offered: then nothing else shall steer the sender's rate."""
    feedback = section.codec is not None and "transport-cc" in section.codec.feedback
    return feedback and any(uri == TRANSPORT_CC_URI for _, uri in section.extensions)


def read_offer(body: bytes | str) -> Offer:
    """Check an offer. Raises BadInput `bad_offer` with a sentence that says what to offer instead."""
    lines = _lines(body)
    groups = group_lines(lines)
    if len(groups) - 1 > MEDIA_SECTIONS_MAX:
        raise _bad(f"The offer has more than {MEDIA_SECTIONS_MAX} media sections. Send one video and one audio track.")
    session, media = groups[0], groups[1:]
    read = [_read_section(section) for section in media]
    sections = tuple(_refuse_repeated(read))
    used = [index for index, section in enumerate(sections) if section.codec]
    if not used:
        raise _bad(f"The offer sends neither video nor audio that is understood here. {_WHAT_TO_OFFER}")
    _check_bundle(session, sections)
    _check_mux(media[index] for index in used)
    return Offer(sections, _read_transport(session, media[used[0]]))


def _bad(sentence: str) -> BadInput:
    return BadInput(sentence, code="bad_offer")


def _lines(body: bytes | str) -> list[str]:
    if len(body) > OFFER_MAX:
        raise _bad(f"The offer is larger than {OFFER_MAX // 1024} KiB. Leave out candidates and codecs not needed.")
    try:
        text = body.decode() if isinstance(body, bytes) else body
    except UnicodeDecodeError:
        raise _bad("The offer is not text. Send an SDP offer as application/sdp.") from None
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    if lines[0] != "v=0" or not all(_LINE.fullmatch(line) for line in lines):
        raise _bad("This is not SDP. Send an SDP offer, beginning with v=0, as application/sdp.")
    return lines


def group_lines(lines: list[str]) -> list[list[str]]:
    """The session's lines, then the lines of each media section."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            groups.append([])
        groups[-1].append(line)
    return groups


def attributes(lines: Iterable[str], name: str) -> list[str]:
    return [line[len(name) + 3 :] for line in lines if line.startswith(f"a={name}:")]


def attribute(lines: Iterable[str], name: str) -> str:
    return next(iter(attributes(lines, name)), "")


def _read_section(lines: list[str]) -> Section:
    head = _MEDIA.fullmatch(lines[0])
    if not head:
        raise _bad("A media section does not begin as m=video 9 UDP/TLS/RTP/SAVPF … does.")
    kind, port, protocol, formats = head.groups()
    mid = attribute(lines, "mid")
    if not _TOKEN.fullmatch(mid):
        raise _bad("Each media section needs its a=mid line.")
    section = Section(kind, protocol, formats.strip(), mid)
    alive = int(port) != 0 or "a=bundle-only" in lines
    if kind not in ("audio", "video") or not alive or not _sends(lines):
        return section
    return msgspec.structs.replace(
        section,
        codec=_choose_codec(kind, formats.split(), lines),
        extensions=tuple(_read_extensions(lines)),
        reduced_size="a=rtcp-rsize" in lines,
    )


def _sends(lines: Sequence[str]) -> bool:
    direction = next((line[2:] for line in lines if line[:2] == "a=" and line[2:] in _DIRECTIONS), "sendrecv")
    return direction in ("sendrecv", "sendonly")


def _refuse_repeated(sections: Iterable[Section]) -> Iterable[Section]:
    """The first sending section of each kind; one programme has one picture and one sound."""
    taken: set[str] = set()
    mids: set[str] = set()
    for section in sections:
        if section.mid in mids:
            raise _bad("Two media sections have the same a=mid.")
        mids.add(section.mid)
        again = section.codec and section.kind in taken
        taken.update({section.kind} if section.codec else ())
        yield msgspec.structs.replace(section, codec=None, extensions=()) if again else section


def _choose_codec(kind: str, formats: Sequence[str], lines: list[str]) -> Codec:
    """The best of what the section offers: H.264 before VP8 (the page may list them in any order)."""
    maps = {match[1]: match for value in attributes(lines, "rtpmap") if (match := _RTPMAP.fullmatch(value))}
    offered = [maps[number] for number in formats if number in maps and _may_be_multiplexed(int(number))]
    parameters = {number: _parameters(text) for number, _, text in _spaced(attributes(lines, "fmtp"))}
    ranked = sorted(
        (rank, index)
        for index, entry in enumerate(offered)
        if (rank := _rank(kind, entry, parameters.get(entry[1], {}))) is not None
    )
    if not ranked:
        raise _bad(f"The {kind} section offers no codec that is understood here. {_WHAT_TO_OFFER}")
    chosen = offered[ranked[0][1]]
    name = "opus" if kind == "audio" else chosen[2].upper()
    return Codec(
        name=name,
        payload_type=int(chosen[1]),
        rtx_payload_type=_rtx_of(chosen[1], offered, parameters),
        profile_level_id=parameters.get(chosen[1], {}).get("profile-level-id", "42e01f") if name == "H264" else "",
        feedback=tuple(_read_feedback(chosen[1], lines)),
    )


def _may_be_multiplexed(payload_type: int) -> bool:
    """RFC 5761 4: on one port with RTCP, packets with these types and a marker would be taken for RTCP."""
    return payload_type < 128 and not 64 <= payload_type < 96


def _rank(kind: str, entry: re.Match[str], parameters: dict[str, str]) -> int | None:
    name, rate = entry[2].lower(), entry[3]
    if kind == "audio":
        return 0 if (name, rate, entry[4]) == ("opus", "48000", "2") else None
    if name == "h264" and rate == "90000" and parameters.get("packetization-mode") == "1":
        profile = _BASELINE.fullmatch(parameters.get("profile-level-id", "42e01f").lower())
        return (0 if int(profile[1], 16) & 0x4 else 1) if profile else None
    return 2 if (name, rate) == ("vp8", "90000") else None


def _rtx_of(
    number: str, offered: Sequence[re.Match[str]], parameters: dict[str, dict[str, str]]
) -> int | None:  # RFC 4588 8.6
    for entry in offered:
        if entry[2].lower() == "rtx" and parameters.get(entry[1], {}).get("apt") == number:
            return int(entry[1])
    return None


def _spaced(values: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    return (value.partition(" ") for value in values)


def _parameters(text: str) -> dict[str, str]:
    pairs = (item.strip().partition("=") for item in text.split(";"))
    return {name: value for name, _, value in pairs}


def _read_feedback(number: str, lines: list[str]) -> Iterable[str]:
    wanted = [text for target, _, text in _spaced(attributes(lines, "rtcp-fb")) if target in (number, "*")]
    return (known for known in FEEDBACK if known in wanted)


def _read_extensions(lines: list[str]) -> Iterable[tuple[int, str]]:
    """Each extension that we know, and each number, once (RFC 8285 5)."""
    taken: set[int | str] = set()
    for value in attributes(lines, "extmap"):
        match = _EXTENSION.fullmatch(value)
        if not match or match[2] not in (TRANSPORT_CC_URI, ABS_SEND_TIME_URI, MID_URI) or not 1 <= int(match[1]) <= 14:
            continue
        number, uri = int(match[1]), match[2]
        if taken.isdisjoint((number, uri)):
            taken |= {number, uri}
            yield number, uri


def _check_bundle(session: list[str], sections: Sequence[Section]) -> None:
    bundles = [value.split()[1:] for value in attributes(session, "group") if value.startswith("BUNDLE ")]
    used = [section.mid for section in sections if section.codec]
    if len(used) > 1 and not (bundles and set(used) <= set(bundles[0])):
        raise _bad("Video and audio must share one transport. Offer with bundlePolicy 'max-bundle' (a=group:BUNDLE).")


def _check_mux(sections: Iterable[list[str]]) -> None:
    for lines in sections:
        if "a=rtcp-mux" not in lines:
            raise _bad("RTP and RTCP must share one port. Offer a=rtcp-mux in each media section.")
        if " UDP/TLS/RTP/SAVPF " not in lines[0]:
            raise _bad("Media must be encrypted with DTLS-SRTP: m=… UDP/TLS/RTP/SAVPF.")


def _read_transport(session: list[str], media: list[str]) -> Transport:
    """ICE and DTLS parameters, from the first section that we use (it stands for the bundle) or from the session."""
    ufrag = attribute(media, "ice-ufrag") or attribute(session, "ice-ufrag")
    password = attribute(media, "ice-pwd") or attribute(session, "ice-pwd")
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        raise _bad("The offer needs valid a=ice-ufrag and a=ice-pwd lines.")
    offered = attributes(media, "fingerprint") or attributes(session, "fingerprint")
    fingerprints = tuple(text for text in offered if _is_fingerprint(text))
    if not fingerprints:
        raise _bad("The offer needs an a=fingerprint line with sha-256, sha-384 or sha-512.")
    setup = attribute(media, "setup") or attribute(session, "setup")
    if setup not in ("actpass", "active", "passive"):
        raise _bad("The offer needs a=setup:actpass.")
    return Transport(ufrag, password, fingerprints[:3], setup)


def _is_fingerprint(text: str) -> bool:
    match = _FINGERPRINT.fullmatch(text)
    return match is not None and len(match[2].split(":")) == _FINGERPRINT_BYTES[match[1].lower()]
