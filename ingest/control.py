"""What ingest and a transcoder process say to each other: one JSON message per SOCK_SEQPACKET packet. Rules only.

    ingest -> transcoder   configure (first, once) · attach (with one file descriptor) · air · detach · stop
    transcoder -> ingest   ready · showing · stats (once a second) · refused

Only `attach` carries a descriptor (SCM_RIGHTS): the source's sample socket. Used by `ingest/program.py` on one side and
`ingest/transcoder.py` on the other; media does not travel here but on the output socket (`pack_output`).
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Annotated

import msgspec

from plenum.errors import BadInput
from plenum.media import RENDITIONS_MAX, Rendition

MAX_MESSAGE = 64 * 1024
OUTPUT_LENGTH = struct.Struct("!I")
"""On the output socket each feed message (`plenum.wire`) is preceded by its length."""


class Configure(msgspec.Struct, frozen=True, tag_field="t", tag="configure"):
    """The programme to make, and where its timeline stands."""

    event: str
    title: str
    language: str
    ladder: tuple[str, ...]
    """Names of the video rungs, largest first: `720p`, `480p`."""
    epoch: int
    zero_us: int
    """CLOCK_MONOTONIC of programme time 0, where every track's tfdt counts from."""
    zero_wall_us: int
    """Unix time of the same instant, µs: PROGRAM-DATE-TIME is counted from it."""
    first_msn: int
    init_id: int
    fps: int = 0
    """25 or 30; 0 takes the one nearer to the first source. A restarted transcoder is told the rate it had."""
    discontinuity: bool = False
    """True where the programme had parts before: the first segment does not follow from them."""
    preset: str = "superfast"


class Attach(msgspec.Struct, frozen=True, tag_field="t", tag="attach"):
    """A source; its sample socket comes as the packet's one descriptor. The same source again replaces the socket."""

    source: str
    name: str


class Air(msgspec.Struct, frozen=True, tag_field="t", tag="air"):
    """Put this source on air, or with null the slate."""

    source: str | None


class Detach(msgspec.Struct, frozen=True, tag_field="t", tag="detach"):
    source: str


class Stop(msgspec.Struct, frozen=True, tag_field="t", tag="stop"):
    """Finish the open parts, send them and exit with 0."""


class Ready(msgspec.Struct, frozen=True, tag_field="t", tag="ready"):
    """The encoders stand; parts follow. With fps=0 this waits for the first source, at most a second after `air`."""

    renditions: Annotated[tuple[Rendition, ...], msgspec.Meta(max_length=RENDITIONS_MAX)]
    fps: int


class Shown(StrEnum):
    LIVE = "live"
    SLATE = "slate"


class Showing(msgspec.Struct, frozen=True, tag_field="t", tag="showing"):
    """What the picture is from now on. `source` is empty with the slate."""

    state: Shown
    source: str


class Stats(msgspec.Struct, frozen=True, tag_field="t", tag="stats"):
    """Once a second; the first four only grow while the transcoder is alive, which is what a watchdog looks at."""

    frames: int
    """Video frames encoded (per rung)."""
    parts: int
    dropped: int
    """Ticks that the encoders could not keep up with: the picture before lasted longer."""
    repeated: int
    """Ticks without a new picture while a source was on air: a lower frame rate, loss, or a late network."""
    realtime_ratio: float
    """Share of the last second that the encoders were busy; above 0.9 the machine is too small for the ladder."""
    source_width: int = 0
    source_height: int = 0
    source_fps: float = 0.0
    skipped: int = 0
    """Decoded pictures not shown: the source is faster than the programme, or they came too late."""
    silence_ms: int = 0
    """Silence inserted into the audio of a source on air."""
    concealed_ms: int = 0
    """Audio made up in place of lost packets."""
    decode_errors: int = 0
    av_offset_ms: int = 0
    """Correction that the audio had against its sample count at the last anchor."""


class Refused(msgspec.Struct, frozen=True, tag_field="t", tag="refused"):
    """A source that is not decoded (any more); its socket is closed."""

    source: str
    code: str
    """`picture_too_large`, `bad_sample`, `too_many_sources`."""
    message: str


ToTranscoder = Configure | Attach | Air | Detach | Stop
ToIngest = Ready | Showing | Stats | Refused

_encoder = msgspec.json.Encoder()
_to_transcoder: msgspec.json.Decoder[ToTranscoder] = msgspec.json.Decoder(ToTranscoder)
_to_ingest: msgspec.json.Decoder[ToIngest] = msgspec.json.Decoder(ToIngest)


def encode_control(message: ToTranscoder | ToIngest) -> bytes:
    """One packet."""
    return _encoder.encode(message)


def decode_to_transcoder(packet: bytes) -> ToTranscoder:
    """Raises BadInput `bad_control`."""
    try:
        return _to_transcoder.decode(packet)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"Not a message to a transcoder: {error}", code="bad_control") from None


def decode_to_ingest(packet: bytes) -> ToIngest:
    """Raises BadInput `bad_control`."""
    try:
        return _to_ingest.decode(packet)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"Not a message of a transcoder: {error}", code="bad_control") from None


def pack_output(feed_message: bytes) -> bytes:
    """A feed message as it goes over the output socket."""
    return OUTPUT_LENGTH.pack(len(feed_message)) + feed_message
