from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.samples import (
    HEADER,
    MAX_PAYLOAD,
    Sample,
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
from plenum.errors import BadInput

SAMPLES = [
    video_sample(SampleCodec.H264, 0xFFFFFFFE, 5, b"\0\0\0\1picture", keyframe=True),
    audio_sample(960, 6, b"opus"),
    clock_sample(SampleStream.AUDIO, 960, 0xE0000000_80000000, 7),
    alive_sample(8),
]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_samples_survive_any_cut_of_the_byte_stream(cuts: list[int]) -> None:
    stream = b"".join(pack_sample(sample) for sample in SAMPLES)
    reader, got, at = SampleReader(), list[Sample](), 0
    for cut in [*cuts, len(stream)]:
        got += reader.feed(stream[at : at + cut])
        at += cut
    assert got == SAMPLES


def test_a_sender_report_carries_its_ntp_time() -> None:
    (report,) = SampleReader().feed(pack_sample(SAMPLES[2]))
    assert (report.stream, report.ntp) == (SampleStream.AUDIO, 0xE0000000_80000000)


def test_a_record_that_claims_too_many_bytes_is_refused_before_they_are_held() -> None:
    header = HEADER.pack(SampleKind.VIDEO, SampleCodec.H264, 0, SampleStream.VIDEO, 0, 0, MAX_PAYLOAD + 1)
    with pytest.raises(BadInput) as caught:
        SampleReader().feed(header)
    assert caught.value.code == "bad_sample"


@pytest.mark.parametrize("field", [0, 1, 3])
def test_an_unknown_kind_codec_or_stream_is_refused(field: int) -> None:
    record = bytearray(pack_sample(SAMPLES[0]))
    record[field] = 99
    with pytest.raises(BadInput):
        SampleReader().feed(bytes(record))


def test_a_sender_report_without_its_time_is_refused() -> None:
    with pytest.raises(BadInput):
        SampleReader().feed(HEADER.pack(SampleKind.CLOCK, 0, 0, SampleStream.VIDEO, 0, 0, 0))
