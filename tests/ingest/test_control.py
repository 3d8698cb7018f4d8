from __future__ import annotations

import pytest

from ingest.control import (
    Air,
    Attach,
    Configure,
    Detach,
    Ready,
    Refused,
    Showing,
    Shown,
    Stats,
    Stop,
    ToIngest,
    ToTranscoder,
    decode_to_ingest,
    decode_to_transcoder,
    encode_control,
)
from plenum.errors import BadInput
from plenum.media import Rendition, RenditionKind

CONFIGURE = Configure("demo", "Demo", "en", ("720p",), epoch=1, zero_us=5, zero_wall_us=6, first_msn=0, init_id=1)
AUDIO = Rendition(3, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)


@pytest.mark.parametrize("message", [CONFIGURE, Attach("a", "Ada"), Air("a"), Air(None), Detach("a"), Stop()])
def test_messages_to_the_transcoder_survive_the_wire(message: ToTranscoder) -> None:
    assert decode_to_transcoder(encode_control(message)) == message


@pytest.mark.parametrize(
    "message",
    [Ready((AUDIO,), 25), Showing(Shown.LIVE, "a"), Stats(1, 2, 3, 4, 0.5), Refused("a", "picture_too_large", "no")],
)
def test_messages_of_the_transcoder_survive_the_wire(message: ToIngest) -> None:
    assert decode_to_ingest(encode_control(message)) == message


DEEP = b'{"t":"stop","x":' + b"[" * 2000 + b"]" * 2000 + b"}"


@pytest.mark.parametrize("packet", [b"", b"{}", b'{"t":"explode"}', b"\xff", b'{"t":"attach"}', DEEP])
def test_nonsense_is_refused(packet: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        decode_to_transcoder(packet)
    assert caught.value.code == "bad_control"
    with pytest.raises(BadInput):
        decode_to_ingest(packet)
