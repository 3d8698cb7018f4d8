"""Reads LL-HLS playlists as a player does, as far as a load test needs it. Rules only."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')


class ListedPart(msgspec.Struct, frozen=True):
    msn: int
    index: int
    uri: str
    end_wall_s: float
    """Capture time of its last sample, Unix seconds."""


class MediaPlaylist(msgspec.Struct, frozen=True):
    parts: tuple[ListedPart, ...]
    next_msn: int
    next_part: int
    """Where the next part will stand: what a blocking reload asks for."""
    ended: bool
    first_msn: int = 0
    """EXT-X-MEDIA-SEQUENCE."""
    last_parts: dict[int, int] = {}
    """Of each whole segment whose parts are listed: the index of its last one."""


class Variant(msgspec.Struct, frozen=True):
    uri: str
    bandwidth_bps: int


class Multivariant(msgspec.Struct, frozen=True):
    variants: tuple[Variant, ...]
    audio_uri: str


def read_multivariant(text: str) -> Multivariant:
    """Raises ValueError when it lists no variant."""
    _check(text)
    variants, audio, pending = [], "", 0
    for line in text.splitlines():
        if line.startswith("#EXT-X-STREAM-INF:"):
            pending = int(_attributes(line).get("BANDWIDTH", "0"))
        elif line.startswith("#EXT-X-MEDIA:") and _attributes(line).get("TYPE") == "AUDIO":
            audio = audio or _attributes(line).get("URI", "")
        elif line and not line.startswith("#"):
            variants.append(Variant(line, pending))
    if not variants:
        raise ValueError("the multivariant playlist lists no variant")
    return Multivariant(tuple(variants), audio)


def read_media(text: str) -> MediaPlaylist:
    """Raises ValueError when it is no playlist."""
    _check(text)
    msn, index, wall_s, parts = 0, 0, 0.0, []
    first_msn, last_parts = 0, {}
    for line in text.splitlines():
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-MEDIA-SEQUENCE":
            msn = first_msn = int(value)
        elif tag == "#EXT-X-SKIP":
            msn += int(_attributes(line)["SKIPPED-SEGMENTS"])
        elif tag == "#EXT-X-PROGRAM-DATE-TIME":
            wall_s = datetime.fromisoformat(value).timestamp()
        elif tag == "#EXT-X-PART":
            attributes = _attributes(line)
            wall_s += float(attributes["DURATION"])
            parts.append(ListedPart(msn, index, attributes["URI"], wall_s))
            index += 1
        elif line and not line.startswith("#"):
            if index:
                last_parts[msn] = index - 1
            msn, index = msn + 1, 0
    return MediaPlaylist(tuple(parts), msn, index, "#EXT-X-ENDLIST" in text, first_msn, last_parts)


def _check(text: str) -> None:
    if not text.startswith("#EXTM3U"):
        raise ValueError("that is not a playlist")


def _attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}
