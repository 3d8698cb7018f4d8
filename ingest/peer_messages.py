"""What ingest and a peer process say to each other: one JSON message per packet of `ingest/seqpacket.py`. Rules only.

ingest -> peer   open (first, once) · plug (with one file descriptor) · close
peer -> ingest   spare (preloaded, waiting) · opened | refused · stats (once a second) · ended
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingest.reception import ReceptionStats
from plenum.errors import BadInput
from plenum.rtc_binding import MediaBinding


class PeerEnd(StrEnum):
    """Why a peer's session is over."""

    LEFT = "left"
    """The presenter closed the connection (DTLS close_notify)."""
    LOST = "lost"
    """ICE failed: the presenter's consent has not come any more."""
    SILENT = "silent"
    """Neither RTP nor RTCP for 30 s."""
    NEVER_CONNECTED = "never_connected"
    """No connection within 15 s of the answer: usually UDP is blocked between the presenter and us."""
    CLOSED = "closed"
    """We closed it: DELETE, replaced, event ended."""
    REFUSED = "refused"
    """The offer was not answered."""
    CRASHED = "crashed"
    HUNG = "hung"


class Open(msgspec.Struct, frozen=True, tag_field="t", tag="open"):
    """The offer to answer."""

    offer: str
    binding: MediaBinding
    connect_within_s: float = 15.0
    silent_after_s: float = 30.0


class Plug(msgspec.Struct, frozen=True, tag_field="t", tag="plug"):
    """A sample socket, the packet's one descriptor: samples go there from now on and nowhere else."""


class Close(msgspec.Struct, frozen=True, tag_field="t", tag="close"):
    """Say goodbye to the presenter and exit."""


class Spare(msgspec.Struct, frozen=True, tag_field="t", tag="spare"):
    """Everything is imported; an offer will be answered at once."""


class Opened(msgspec.Struct, frozen=True, tag_field="t", tag="opened"):
    answer: str


class Refused(msgspec.Struct, frozen=True, tag_field="t", tag="refused"):
    """The offer cannot be answered; the process exits."""

    code: str
    message: str
    status: int


class PeerStats(msgspec.Struct, frozen=True, tag_field="t", tag="stats"):
    """Once a second while the session lives, which is what a watchdog looks at."""

    connected: bool = False
    reception: ReceptionStats = msgspec.field(default_factory=ReceptionStats)
    guarded: dict[str, int] = {}
    """Datagrams that the guard dropped, by reason."""
    backlog: int = 0
    """Bytes that the transcoder has not read yet."""
    dropped: int = 0
    """Samples dropped because it does not read."""


class Ended(msgspec.Struct, frozen=True, tag_field="t", tag="ended"):
    """Last message: the process exits."""

    reason: PeerEnd


ToPeer = Open | Plug | Close
FromPeer = Spare | Opened | Refused | PeerStats | Ended

_encoder = msgspec.json.Encoder()
_to_peer: msgspec.json.Decoder[ToPeer] = msgspec.json.Decoder(ToPeer)
_from_peer: msgspec.json.Decoder[FromPeer] = msgspec.json.Decoder(FromPeer)


def encode(message: ToPeer | FromPeer) -> bytes:
    return _encoder.encode(message)


def decode_to_peer(packet: bytes) -> ToPeer:
    """Raises BadInput `bad_control`."""
    try:
        return _to_peer.decode(packet)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"Not a message to a peer: {error}", code="bad_control") from None


def decode_from_peer(packet: bytes) -> FromPeer:
    """Raises BadInput `bad_control`."""
    try:
        return _from_peer.decode(packet)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"Not a message of a peer: {error}", code="bad_control") from None
