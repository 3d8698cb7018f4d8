"""The byte stream from a peer, which a stranger may have taken over, as its transcoder reads it: with clocks and presence."""

from __future__ import annotations

import socket
from typing import cast

from ingest.samples import (
    HEADER,
    MAX_PAYLOAD,
    SampleCodec,
    SampleKind,
    SampleReader,
    SampleStream,
    alive_sample,
    audio_sample,
    clock_sample,
    pack_sample,
    video_sample,
)
from ingest.source import Source
from tests.fuzz.allowance import only

_STREAMS = {SampleKind.VIDEO, SampleKind.AUDIO}


def target(data: bytes) -> None:
    """The first byte says in how large pieces the rest arrives."""
    size, stream = (data[0] or 1, data[1:]) if data else (1, b"")
    source = Source("key", "name", cast(socket.socket, _Plug(stream, size)), 0)
    with only("bad_sample"):
        while source.plug.left:  # type: ignore[attr-defined]
            for sample, timestamp in source.read():
                if sample.kind in _STREAMS:
                    assert timestamp & 0xFFFFFFFF == sample.rtp_timestamp
                    source.clock.capture_us(sample.stream, timestamp)
                assert SampleReader().feed(pack_sample(sample)) == [sample]
            assert len(source._reader._held) < HEADER.size + MAX_PAYLOAD
    with only("bad_sample"):
        whole = SampleReader().feed(stream)
        assert sum(HEADER.size + len(sample.payload) for sample in whole) <= len(stream)


class _Plug:
    """The peer's end of the socket."""

    def __init__(self, data: bytes, size: int) -> None:
        self.left = data
        self._size = size

    def setblocking(self, flag: bool) -> None:
        pass

    def recv(self, limit: int) -> bytes:
        size = min(limit, self._size)
        data, self.left = self.left[:size], self.left[size:]
        return data


_CLOCK = clock_sample(SampleStream.VIDEO, 3600, 0xEB3D_0000_8000_0000, 5_000)
_PICTURE = video_sample(SampleCodec.H264, 0xFFFF_F000, 10, b"\0\0\1\x65", keyframe=True)
SEEDS = [
    bytes([255])
    + b"".join(map(pack_sample, [_PICTURE, _CLOCK, audio_sample(960, 20_000, b"opus"), alive_sample(30_000)])),
    bytes([1])
    + pack_sample(video_sample(SampleCodec.VP8, 0, 7_000_000, b""))
    + pack_sample(_CLOCK)
    + pack_sample(_PICTURE),
    bytes([20]) + pack_sample(audio_sample(0, -5, b"x")) * 3,
]
TOKENS = [b"\1\1\1\1", b"\2\3\0\2", b"\3\0\0\1", b"\4\0\0\0", b"\0\0\0\x08", b"\0\x40\0\1"]
MAX_LEN = 1024
