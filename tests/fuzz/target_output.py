"""A transcoder that a hostile stream has taken over: what passes the check must not hurt the edges (S7)."""

from __future__ import annotations

from ingest.control import Configure, Ready, decode_to_ingest, encode_control
from ingest.output_check import OutputCheck
from plenum.media import Programme, ProgrammeState
from plenum.wire import Kind, pack_programme
from sfu.frames import frame
from sfu.window import Window
from tests.fuzz.allowance import only
from tests.fuzz.pieces import join, split
from tests.fuzz.target_feed import HIGH, SOUND, check_window, message, opening

_CONFIGURE = Configure("town-hall", "Town hall", "en", ("720p",), 1, 0, 0, 1, 1)


def target(data: bytes) -> None:
    """The first piece is the control message that announces renditions, the others are its output."""
    pieces = split(data)
    check, window = OutputCheck(_CONFIGURE), Window(limit_bytes=2048)
    for piece in pieces[:1]:
        with only("bad_control"):
            ready = decode_to_ingest(piece)
            if isinstance(ready, Ready):
                check.allow(ready.renditions)
                window.accept(frame(pack_programme(Programme(ready.renditions, ProgrammeState.LIVE, _CONFIGURE.epoch))))
    highest = _CONFIGURE.first_msn - 1
    for piece in pieces[1:]:
        with only("bad_output", "bad_frame"):
            header = check.check(piece)
            assert (header.epoch, header.init_id) == (_CONFIGURE.epoch, _CONFIGURE.init_id)
            assert header.kind is Kind.INIT or _CONFIGURE.first_msn <= header.msn <= highest + 1
            highest = max(highest, header.msn) if header.kind is Kind.PART else highest
            window.accept(frame(piece))
        check_window(window)


_READY = encode_control(Ready((HIGH, SOUND), 30))
_PARTS = [message(1, 0), message(1, 0, SOUND), message(1, 1, last=True), message(1, 1, SOUND, last=True), message(2, 0)]
SEEDS = [
    join([_READY, *opening()[1:], *_PARTS]),
    join([_READY, *opening()[1:], message(1, 0), message(2, 0), message(3, 0), message(9, 0)]),
    join([_READY.replace(b"90000", b"1"), *opening()[1:], *_PARTS]),
]
TOKENS = [b"\1\2\0\0", b"\1\1\0\0", b'"timescale":0', b'"id":', b'"name":"', b"\xff" * 4, b"\x7f" + b"\xff" * 7, b"\\n"]
