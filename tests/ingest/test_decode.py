from __future__ import annotations

import random

import numpy as np
import pytest

from ingest.decode import AudioDecoder, Undecodable, VideoDecoder
from ingest.samples import Sample, SampleCodec, SampleKind, audio_sample, video_sample
from loadtests.films import Film
from loadtests.reading import barcode
from plenum.errors import BadInput
from tests.transcoder_stage import encoded_film

FILM = Film(320, 180, 30, 1.0)


def pictures(codec: SampleCodec) -> list[Sample]:
    return [each.sample for each in encoded_film(FILM, codec=codec, sound=False)]


@pytest.mark.parametrize("codec", [SampleCodec.H264, SampleCodec.VP8])
def test_each_access_unit_gives_its_picture_at_once(codec: SampleCodec) -> None:
    decoder = VideoDecoder()
    for number, sample in enumerate(pictures(codec)):
        (frame,) = decoder.decode(sample, 1000 + number)
        assert frame.pts == 1000 + number
        assert barcode.read(frame.to_ndarray()[:180]) == number


@pytest.mark.parametrize("codec", [SampleCodec.H264, SampleCodec.VP8])
def test_nothing_is_decoded_before_a_key_frame(codec: SampleCodec) -> None:
    decoder = VideoDecoder()
    assert [decoder.decode(sample, 0) for sample in pictures(codec)[1:4]] == [[], [], []]
    assert decoder.waits_for_keyframe


def test_the_codec_may_change_in_mid_stream() -> None:
    decoder = VideoDecoder()
    for codec in (SampleCodec.H264, SampleCodec.VP8, SampleCodec.H264):
        for sample in pictures(codec)[:3]:
            decoder.decode(sample, 0)
        assert not decoder.waits_for_keyframe


@pytest.mark.parametrize("codec", [SampleCodec.H264, SampleCodec.VP8])
def test_a_damaged_stream_is_undecodable_at_worst_and_a_key_frame_mends_it(codec: SampleCodec) -> None:
    chance = random.Random(7)
    samples = pictures(codec)
    decoder = VideoDecoder()
    for number, sample in enumerate(samples * 3):
        junk = bytearray(sample.payload)
        for _ in range(20):
            junk[chance.randrange(len(junk))] = chance.randrange(256)
        try:
            decoder.decode(video_sample(codec, 0, 0, bytes(junk)), number)
        except Undecodable:
            assert decoder.waits_for_keyframe
        except BadInput as error:
            assert error.code == "picture_too_large"
    (frame,) = decoder.decode(samples[0], 4711)
    assert frame.pts == 4711
    assert not decoder.waits_for_keyframe


def test_a_picture_that_claims_to_be_huge_never_reaches_the_decoder() -> None:
    bomb = bytearray(pictures(SampleCodec.VP8)[0].payload)
    bomb[6:10] = b"\xff\x3f\xff\x3f"
    with pytest.raises(BadInput) as caught:
        VideoDecoder().decode(video_sample(SampleCodec.VP8, 0, 0, bytes(bomb), keyframe=True), 0)
    assert caught.value.code == "picture_too_large"


def test_opus_becomes_stereo_at_48_khz() -> None:
    decoder = AudioDecoder()
    packets = [each.sample for each in encoded_film(FILM) if each.sample.kind is SampleKind.AUDIO]
    blocks = [decoder.decode(packet) for packet in packets]
    assert all(block is not None and block.shape == (2, 960) and block.dtype == np.float32 for block in blocks)
    sounding = np.concatenate([block for block in blocks if block is not None], axis=1)
    assert np.abs(sounding[:, 960:3840]).max() == pytest.approx(0.5, rel=0.2)
    assert np.abs(sounding[:, 9600:]).max() < 0.05


def test_a_packet_that_is_not_opus_is_undecodable_and_the_next_one_is_heard() -> None:
    decoder = AudioDecoder()
    packets = [each.sample for each in encoded_film(FILM) if each.sample.kind is SampleKind.AUDIO]
    with pytest.raises(Undecodable):
        decoder.decode(audio_sample(0, 0, b"\xff\xff\xff"))
    assert decoder.decode(packets[0]) is not None
