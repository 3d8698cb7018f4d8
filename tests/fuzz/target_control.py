"""JSON between ingest and the processes that a hostile stream may have taken over."""

from __future__ import annotations

from ingest import control, peer_messages
from ingest.reception import ReceptionStats
from plenum.media import Rendition, RenditionKind
from plenum.rtc_binding import MediaBinding
from tests.fuzz.allowance import only


def target(data: bytes) -> None:
    for decode in (control.decode_to_transcoder, control.decode_to_ingest):
        with only("bad_control"):
            message = decode(data)
            assert decode(control.encode_control(message)) == message
    for decode_peer in (peer_messages.decode_to_peer, peer_messages.decode_from_peer):
        with only("bad_control"):
            said = decode_peer(data)
            assert decode_peer(peer_messages.encode(said)) == said


_RENDITION = Rendition(0, "720p", RenditionKind.VIDEO, 2_800_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
_TO_TRANSCODER = [
    control.Configure("town-hall", "Town hall", "en", ("720p",), 1, 2, 3, 4, 5),
    control.Attach("s1", "Zoë"),
    control.Air(None),
    control.Detach("s1"),
    control.Stop(),
]
_TO_INGEST = [
    control.Ready((_RENDITION,), 30),
    control.Showing(control.Shown.SLATE, ""),
    control.Stats(1, 2, 3, 4, 0.5),
    control.Refused("s1", "bad_sample", "…"),
]
_PEER = [
    peer_messages.Open("v=0", MediaBinding(("127.0.0.1",))),
    peer_messages.Opened("v=0"),
    peer_messages.Refused("bad_offer", "…", 400),
    peer_messages.PeerStats(True, ReceptionStats(1), {"datagram_short": 2}),
    peer_messages.Ended(peer_messages.PeerEnd.LEFT),
]
SEEDS = [
    *map(control.encode_control, [*_TO_TRANSCODER, *_TO_INGEST]),
    *map(peer_messages.encode, _PEER),
    b'{"t":"stop","x":' + b"[" * 2000 + b"]" * 2000 + b"}",
]
TOKENS = [b'"t":"', b"null", b"[" * 64, b'{"x":', b"1e308", b"\\ud800", b"\xff", b"-1", b"9" * 25, b'"source":']
