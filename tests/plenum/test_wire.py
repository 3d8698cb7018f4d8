"""The feed's framing: what goes in comes out, and nothing else than our own error comes of junk."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plenum import wire
from plenum.errors import BadInput
from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind

u32 = st.integers(0, 2**32 - 1)
parts = st.builds(
    Part,
    rendition=st.integers(0, 254),
    init_id=u32,
    epoch=u32,
    msn=u32,
    index=st.integers(0, 2**16 - 1),
    start=st.integers(0, 2**64 - 1),
    duration=u32,
    wall_us=st.integers(-(2**63), 2**63 - 1),
    independent=st.booleans(),
    last=st.booleans(),
    discontinuity=st.booleans(),
    data=st.binary(max_size=64),
)


@given(parts)
def test_a_part_survives_the_wire(part: Part) -> None:
    assert wire.as_part(*wire.unpack(wire.pack_part(part))) == part


@given(st.builds(Init, rendition=st.integers(0, 254), init_id=u32, epoch=u32, data=st.binary(max_size=64)))
def test_an_init_segment_survives_the_wire(init: Init) -> None:
    assert wire.as_init(*wire.unpack(wire.pack_init(init))) == init


def test_the_programme_travels_as_json_that_a_page_can_read() -> None:
    rendition = Rendition(0, "720p", RenditionKind.VIDEO, 2_800_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
    programme = Programme((rendition,), ProgrammeState.LIVE, epoch=3, on_air="Ada")
    header, payload = wire.unpack(wire.pack_programme(programme))
    assert (header.kind, header.epoch) == (wire.Kind.RENDITIONS, 3)
    assert wire.as_programme(payload) == programme
    assert programme.find("720p") == rendition
    assert programme.find("1080p") is None


def test_the_header_is_laid_out_as_documented() -> None:
    message = wire.pack_part(Part(2, 3, 4, 5, 6, 7, 8, 9, independent=True, last=True, discontinuity=False, data=b"x"))
    assert len(message) == 41
    assert message[:4] == bytes([1, 2, 2, 0b011])
    assert message[4:40].hex() == (
        "00000003" "00000004" "00000005" "0006" "0000" "00000008" "0000000000000007" "0000000000000009"
    )  # fmt: skip


@pytest.mark.parametrize("kind", [0, max(wire.Kind) + 1, 255])
def test_a_kind_that_only_a_newer_version_knows_is_read_as_other(kind: int) -> None:
    message = bytearray(wire.pack_end(7))
    message[1] = kind
    header, payload = wire.unpack(bytes(message))
    assert (header.kind, header.epoch, payload) == (wire.Kind.OTHER, 7, b"")


@given(st.binary(max_size=80))
def test_junk_raises_only_our_own_error(junk: bytes) -> None:
    try:
        wire.unpack(junk)
    except BadInput as error:
        assert error.code == "bad_frame"


@pytest.mark.parametrize(
    "message",
    [
        wire.Subscribe(("720p", "audio"), ticket="t"),
        wire.Resume(1, 2, 3, ("audio",)),
        wire.Progress(7, 2, 900),
        wire.Progress(7, 2, 900, got=(8, 1)),
        wire.Subscribe((wire.AUTO,), most="480p", beside=True),
        wire.Unsubscribe(),
        wire.Resume(2**32 - 1, 2**32 - 1, -1, ("audio",)),
        wire.Progress(2**32 - 1, 2**16 - 1, -(2**53) + 1, got=(0, -1)),
    ],
)
def test_a_clients_message_survives_the_wire(message: wire.ClientMessage) -> None:
    assert wire.decode_client(wire.encode_client(message)) == message


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"t":"nonsense"}', '{"t":"progress","msn":"x"}', '{"t":"subscribe","renditions":3}']
)
def test_a_wrong_message_of_a_client_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        wire.decode_client(text)
    assert caught.value.code == "bad_message"


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_of_a_client_raises_only_our_own_error(text: str | bytes) -> None:
    try:
        wire.decode_client(text)
    except BadInput as error:
        assert error.code == "bad_message"


DEEP = b'{"t":"subscribe","x":' + b"[" * 2000 + b"]" * 2000 + b"}"


@pytest.mark.parametrize("payload", [DEEP, b'{"code":"\xff\xff"}', b'{"renditions":[],"state":"\xff"}', b"", b"[]"])
def test_json_of_any_depth_and_any_bytes_is_refused_like_other_junk(payload: bytes) -> None:
    for read in (wire.as_programme, wire.as_bye):
        with pytest.raises(BadInput) as caught:
            read(payload)
        assert caught.value.code == "bad_frame"
    with pytest.raises(BadInput) as refused:
        wire.decode_client(payload)
    assert refused.value.code == "bad_message"


RENDITION = b'{"id":0,"name":"720p","kind":"video","bitrate_bps":1,"codec":"avc1.42c01f","timescale":90000}'


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"timescale":90000', b'"timescale":0'),
        (b'"timescale":90000', b'"timescale":-1'),
        (b'"timescale":90000', b'"timescale":' + b"9" * 400),
        (b'"id":0', b'"id":255'),
        (b'"720p"', b'"720p\\n#EXT-X-ENDLIST"'),
        (b'"720p"', b'"../720p"'),
        (b'"avc1.42c01f"', b'"avc1\\""'),
        (b'"epoch":1', b'"epoch":1,"segment_s":0'),
        (b'"epoch":1', b'"epoch":1,"part_s":1e-300'),
        (b'"epoch":1', b'"epoch":-1'),
        (RENDITION, b",".join([RENDITION] * 33)),
    ],
)
def test_a_programme_that_no_playlist_can_be_made_of_is_refused(right: bytes, wrong: bytes) -> None:
    payload = b'{"renditions":[' + RENDITION + b'],"state":"live","epoch":1}'
    assert wire.as_programme(payload).renditions[0].name == "720p"
    assert right in payload
    with pytest.raises(BadInput) as caught:
        wire.as_programme(payload.replace(right, wrong))
    assert caught.value.code == "bad_frame"


HUGE = 10**400


@pytest.mark.parametrize(
    "message",
    [
        wire.Progress(HUGE, 0, 0),
        wire.Progress(2**32, 0, 0),
        wire.Progress(-1, 0, 0),
        wire.Progress(0, 2**16, 0),
        wire.Progress(0, -2, 0),
        wire.Progress(0, 0, HUGE),
        wire.Progress(0, 0, 0, got=(HUGE, 0)),
        wire.Progress(0, 0, 0, got=(0, -HUGE)),
        wire.Resume(HUGE, 0, 0),
        wire.Resume(0, HUGE, 0),
        wire.Resume(0, 0, HUGE),
    ],
)
def test_a_number_that_the_feed_cannot_have_is_refused(message: wire.ClientMessage) -> None:
    # Written by hand: msgspec writes no integer above 64 bits.
    fields = {
        name: getattr(message, name) for name in ("epoch", "msn", "part", "lag_ms", "got") if hasattr(message, name)
    }
    tag = "resume" if isinstance(message, wire.Resume) else "progress"
    text = json.dumps({"t": tag, **{name: value for name, value in fields.items() if value is not None}})
    with pytest.raises(BadInput) as caught:
        wire.decode_client(text)
    assert caught.value.code == "bad_message"
