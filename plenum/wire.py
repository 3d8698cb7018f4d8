"""The feed's framing (`plenum.feed.1`): the only place in Python that knows the layout; `player/src/core/wire.ts` is its twin.

One binary WebSocket message each, origin to edge, edge to edge and edge to player alike: a fixed header of 40 bytes,
network byte order, then the payload, which a relay never opens. The table stands in `sfu/README.md`.

Client to server are JSON text messages, the tagged union `ClientMessage` below.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import Annotated, Literal

import msgspec

from plenum.errors import BadInput
from plenum.media import Init, Part, Programme

SUBPROTOCOL = "plenum.feed.1"
VERSION = 1
NO_RENDITION = 255
EVERYTHING = "*"
"""In a subscription, instead of names: every rendition. What an edge asks its upstream for."""
AUTO = "auto"
"""In a subscription, instead of a picture's name: the one that the server finds this line to carry."""

HEADER = struct.Struct("!BBBBIIIHHIQq")
"""version, kind, rendition, flags, init id, epoch, msn, part, reserved, duration, start, wall clock µs."""
HEADER_SIZE = HEADER.size

MAX_MESSAGE = 8 * 1024 * 1024
"""No single message is larger; a receiver closes on one that is."""


class Kind(IntEnum):
    OTHER = 0
    """As read: a kind of a newer version, which means nothing here. Receivers ignore it; nobody sends it."""
    INIT = 1
    PART = 2
    FRAME = 3
    """A single access unit of a rendition or one Opus packet, for WHEP workers."""
    GAP = 4
    """The sender skipped parts of this rendition up to (not including) msn, part."""
    RENDITIONS = 5
    """Payload: `Programme` as JSON. Sent first, and whenever it changes."""
    END = 6
    """The producer ended the event: nothing follows."""
    BYE = 7
    """Payload: `Bye` as JSON; the sender closes the socket after it."""
    SELECTED = 8
    """Payload: `Selected` as JSON; only to who subscribed `AUTO`."""
    MOVE = 9
    """Payload: `Move` as JSON: this sender is about to go."""
    PADDING = 10
    """Means nothing; only to who subscribed `AUTO`: so much is given to the line at once that it shows what it carries."""


_KINDS = {int(kind): kind for kind in Kind}


class Flag(IntFlag):
    INDEPENDENT = 1
    LAST = 2
    DISCONTINUITY = 4


class Header(msgspec.Struct, frozen=True):
    """The fixed header, decoded."""

    kind: Kind
    rendition: int = NO_RENDITION
    flags: Flag = Flag(0)
    init_id: int = 0
    epoch: int = 0
    msn: int = 0
    part: int = 0
    duration: int = 0
    start: int = 0
    wall_us: int = 0


class Bye(msgspec.Struct, frozen=True):
    """Why the server closes, and when to come back (never, if `retry_ms` is negative)."""

    code: str
    retry_ms: int = 0


class Selected(msgspec.Struct, frozen=True):
    """From its next independent part on the picture comes as this rendition; none: the line carries no picture for now."""

    rendition: str
    abandoned: bool
    """What was sent until now stops here, in the middle of a segment; else it goes on until the new one begins."""
    why: Literal["start", "slow", "recovered", "asked"]


class Move(msgspec.Struct, frozen=True):
    """Go to another address and leave when the first part came from there; so long this one goes on sending."""

    code: str
    within_ms: int


Number = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
"""An epoch or a media sequence number. What a client says is bounded as the header's fields are: JSON has integers of hundreds
of digits, of which no float can be made."""
PartIndex = Annotated[int, msgspec.Meta(ge=-1, le=2**16 - 1)]
"""−1: before the first part of the segment."""
Milliseconds = Annotated[int, msgspec.Meta(ge=1 - 2**53, le=2**53 - 1)]
"""By a client's clock, which may be anything."""


class Subscribe(msgspec.Struct, frozen=True, tag_field="t", tag="subscribe"):
    """First message: which renditions, by name; `ticket` where no cookie or bearer header came with the upgrade.

    No names: the programme's state alone. `EVERYTHING` as a name: all renditions there are and will be. Sent again it
    replaces the choice; from one rendition to another of its kind the switch happens at the next independent part.
    """

    renditions: tuple[str, ...] = ()
    ticket: str = ""
    most: str = ""
    """With `AUTO`: no larger rendition than this one."""
    beside: bool = False
    """A second line of somebody who is counted by another one."""
    slow: bool = False
    """A line to here was given up, because it did not carry what was on its way."""


class Resume(msgspec.Struct, frozen=True, tag_field="t", tag="resume"):
    """Instead of `Subscribe` after a broken connection: go on after this part if it is still held."""

    epoch: Number
    msn: Number
    part: PartIndex
    renditions: tuple[str, ...] = ()
    ticket: str = ""
    most: str = ""
    beside: bool = False
    begin: str = ""
    """With `AUTO`: the picture that came before the break, for the choice to begin with."""


class Progress(msgspec.Struct, frozen=True, tag_field="t", tag="progress"):
    """Every two seconds, and at each part that comes late: the last part played and how far behind live the picture is."""

    msn: Number
    part: PartIndex
    lag_ms: Milliseconds
    got: tuple[Number, PartIndex] | None = None
    """The newest part received on this line, as msn and part: who pauses plays nothing and still receives."""
    late_ms: int = 0
    """Parts come so much later than usual, the next one included where it is overdue; 0: they come in time."""
    carries_bps: int | None = None
    """What padding came with, which was given to the line at once, right behind a part."""


class Unsubscribe(msgspec.Struct, frozen=True, tag_field="t", tag="unsubscribe"):
    """Stop sending, keep the connection."""


ClientMessage = Subscribe | Resume | Progress | Unsubscribe

_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_json = msgspec.json.Encoder()
_programme_decoder = msgspec.json.Decoder(Programme)
_bye_decoder = msgspec.json.Decoder(Bye)
_selected_decoder = msgspec.json.Decoder(Selected)
_move_decoder = msgspec.json.Decoder(Move)
_NOT_JSON = (msgspec.DecodeError, UnicodeError, RecursionError)
"""All that msgspec raises: not JSON or not of the type, text that is not UTF-8, brackets a thousand deep."""


def pack(header: Header, payload: bytes | memoryview = b"") -> bytes:
    """One feed message."""
    return (
        HEADER.pack(
            VERSION,
            header.kind,
            header.rendition,
            header.flags,
            header.init_id,
            header.epoch,
            header.msn,
            header.part,
            0,
            header.duration,
            header.start,
            header.wall_us,
        )
        + payload
    )


def unpack(message: bytes | memoryview) -> tuple[Header, memoryview]:
    """Split a feed message into header and payload (a view, not a copy).

    A kind that is not known here is read as `Kind.OTHER`. Raises BadInput `bad_frame` on a short message or a foreign version.
    """
    if len(message) < HEADER_SIZE:
        raise BadInput(
            f"A feed message has at least {HEADER_SIZE} bytes, this one has {len(message)}.", code="bad_frame"
        )
    version, kind, rendition, flags, init_id, epoch, msn, part, _, duration, start, wall_us = HEADER.unpack_from(
        message
    )
    if version != VERSION:
        raise BadInput(f"Feed version {version} is not spoken here, only {VERSION}.", code="bad_frame")
    header = Header(
        kind=_KINDS.get(kind, Kind.OTHER),
        rendition=rendition,
        flags=Flag(flags & 0x07),
        init_id=init_id,
        epoch=epoch,
        msn=msn,
        part=part,
        duration=duration,
        start=start,
        wall_us=wall_us,
    )
    return header, memoryview(message)[HEADER_SIZE:]


def pack_init(init: Init) -> bytes:
    return pack(Header(Kind.INIT, rendition=init.rendition, init_id=init.init_id, epoch=init.epoch), init.data)


def pack_part(part: Part) -> bytes:
    flags = (
        (Flag.INDEPENDENT if part.independent else Flag(0))
        | (Flag.LAST if part.last else Flag(0))
        | (Flag.DISCONTINUITY if part.discontinuity else Flag(0))
    )
    return pack(
        Header(
            Kind.PART,
            rendition=part.rendition,
            flags=flags,
            init_id=part.init_id,
            epoch=part.epoch,
            msn=part.msn,
            part=part.index,
            duration=part.duration,
            start=part.start,
            wall_us=part.wall_us,
        ),
        part.data,
    )


def as_part(header: Header, payload: bytes | memoryview) -> Part:
    """The `Part` that a message of kind PART carries; copies the payload."""
    return Part(
        rendition=header.rendition,
        init_id=header.init_id,
        epoch=header.epoch,
        msn=header.msn,
        index=header.part,
        start=header.start,
        duration=header.duration,
        wall_us=header.wall_us,
        independent=Flag.INDEPENDENT in header.flags,
        last=Flag.LAST in header.flags,
        discontinuity=Flag.DISCONTINUITY in header.flags,
        data=bytes(payload),
    )


def as_init(header: Header, payload: bytes | memoryview) -> Init:
    return Init(rendition=header.rendition, init_id=header.init_id, epoch=header.epoch, data=bytes(payload))


def pack_programme(programme: Programme) -> bytes:
    return pack(Header(Kind.RENDITIONS, epoch=programme.epoch), _json.encode(programme))


def as_programme(payload: bytes | memoryview) -> Programme:
    """Raises BadInput `bad_frame` when the JSON is not a `Programme`."""
    try:
        return _programme_decoder.decode(payload)
    except _NOT_JSON as error:
        raise BadInput(f"Not a programme: {error}", code="bad_frame") from None


def pack_end(epoch: int) -> bytes:
    return pack(Header(Kind.END, epoch=epoch))


def pack_bye(bye: Bye) -> bytes:
    return pack(Header(Kind.BYE), _json.encode(bye))


def as_bye(payload: bytes | memoryview) -> Bye:
    try:
        return _bye_decoder.decode(payload)
    except _NOT_JSON as error:
        raise BadInput(f"Not a bye: {error}", code="bad_frame") from None


def pack_selected(selected: Selected, rendition: int = NO_RENDITION) -> bytes:
    return pack(Header(Kind.SELECTED, rendition=rendition), _json.encode(selected))


def as_selected(payload: bytes | memoryview) -> Selected:
    """Raises BadInput `bad_frame`."""
    try:
        return _selected_decoder.decode(payload)
    except _NOT_JSON as error:
        raise BadInput(f"Not a selection: {error}", code="bad_frame") from None


def pack_padding(size: int) -> bytes:
    return pack(Header(Kind.PADDING), bytes(size))


def pack_move(move: Move) -> bytes:
    return pack(Header(Kind.MOVE), _json.encode(move))


def as_move(payload: bytes | memoryview) -> Move:
    """Raises BadInput `bad_frame`."""
    try:
        return _move_decoder.decode(payload)
    except _NOT_JSON as error:
        raise BadInput(f"Not a move: {error}", code="bad_frame") from None


def decode_client(text: str | bytes) -> ClientMessage:
    """Parse a client's message. Raises BadInput `bad_message`."""
    try:
        return _client_decoder.decode(text)
    except _NOT_JSON as error:
        raise BadInput(f"Not a feed message: {error}", code="bad_message") from None


def encode_client(message: ClientMessage) -> str:
    return _json.encode(message).decode()
