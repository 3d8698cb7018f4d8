"""A viewer's and an edge's messages to the feed, and what the rules about a viewer make of them."""

from __future__ import annotations

from plenum.wire import (
    AUTO,
    ClientMessage,
    Progress,
    Resume,
    Subscribe,
    Unsubscribe,
    as_programme,
    decode_client,
    encode_client,
)
from sfu.frames import Frame, frame
from sfu.viewer import Viewer
from sfu.window import Window
from tests.fuzz.allowance import only
from tests.fuzz.target_feed import message as part
from tests.fuzz.target_feed import opening


def target(data: bytes) -> None:
    for text in (
        data,
        data.decode("utf-8", "surrogatepass" if data[:1] == b"\xed" else "replace") if _is_text(data) else "",
    ):
        with only("bad_message"):
            message = decode_client(text)
            assert decode_client(encode_client(message)) == message
            _act(message)


def _act(message: ClientMessage) -> None:
    """As a room does, for somebody who named a picture and for somebody who left it to us."""
    for names in (("720p", "audio"), (AUTO,)):
        window, viewer = Window(), Viewer()
        frames = _heard(window)
        viewer.choose(names)
        assert window.programme_frame is not None
        viewer.adopt(as_programme(window.programme_frame.payload))
        _give(viewer, frames[:2], window)
        match message:
            case Progress():
                viewer.report(message, 1.0)
            case Resume():
                viewer.choose(message.renditions, message.most)
                viewer.resume((message.msn, message.part), window)
            case Subscribe():
                viewer.choose(message.renditions, message.most)
                viewer.start(window)
            case Unsubscribe():
                viewer.choose(())
        _give(viewer, frames[2:], window)
        viewer.attend(0, 1.2)


def _heard(window: Window) -> list[Frame]:
    heard = [frame(one) for one in (*opening(), part(1, 0), part(1, 1), part(1, 2), part(1, 3))]
    for one in heard:
        window.accept(one)
    return heard[-4:]


def _give(viewer: Viewer, parts: list[Frame], window: Window) -> None:
    for one in parts:
        viewer.offer(one, window, 0, 1.1)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


_MESSAGES: list[ClientMessage] = [
    Subscribe(("720p", "audio"), "ticket"),
    Subscribe((AUTO, "audio"), most="480p", beside=True),
    Resume(1, 2, 3, ("*",)),
    Resume(1, 1, -1, ("720p",)),
    Progress(5, 6, 1200),
    Progress(1, 0, 1200, (1, 1)),
    Unsubscribe(),
]
SEEDS = [
    *(encode_client(message).encode() for message in _MESSAGES),
    b'{"t":"subscribe","renditions":["\\ud83d\\ude00"],"ticket":"\xc3\xbc"}',
    b'{"t":"subscribe","x":' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"t":"progress","msn":' + b"9" * 400 + b',"part":1,"lag_ms":1}',
]
TOKENS = [
    b'"t":"',
    b"\\ud800",
    b"\xff",
    b"\xed\xa0\x80",
    b"1e400",
    b"9" * 25,
    b"9" * 400,  # no float can be made of it
    b"[" * 64,
    b'{"x":',
    b"NaN",
    b"null",
    b"-0",
]
