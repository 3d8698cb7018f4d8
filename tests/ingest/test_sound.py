from __future__ import annotations

import numpy as np
import pytest

from ingest.pcm import RATE, Pcm
from ingest.sound import CAPACITY, SoundLine, stretch

PACKET = 960


def ramp(first: int, count: int = PACKET) -> Pcm:
    """Samples that say their own number."""
    return np.tile(np.arange(first, first + count, dtype=np.float32), (2, 1))


def tone(first: int, count: int = PACKET) -> Pcm:
    return np.tile(np.sin(np.arange(first, first + count, dtype=np.float32) * 0.05), (2, 1))


def test_packets_that_follow_each_other_are_joined_without_a_seam() -> None:
    line = SoundLine(1000)
    for number in range(5):
        line.write(number * PACKET, ramp(number * PACKET), 1000 + number * PACKET)
    assert (line.read(5 * PACKET)[0] == np.arange(5 * PACKET)).all()
    assert line.silence == 0


def test_the_jitter_of_the_clock_does_not_reach_the_sound() -> None:
    line = SoundLine(0)
    for number, off in enumerate([0, 200, -150, 90, -300, 120]):
        line.write(number * PACKET, ramp(number * PACKET), number * PACKET + off)
    assert (line.read(6 * PACKET)[0] == np.arange(6 * PACKET)).all()


def level(pcm: Pcm) -> float:
    return float(np.sqrt(np.mean(pcm**2)))


def played(lost: set[int], packets: int = 20, late: bool = False) -> tuple[SoundLine, Pcm]:
    """A tone whose packets are read as they come; `late`: one packet in hand."""
    line = SoundLine(0)
    out = []
    for number in range(packets):
        if number not in lost:
            line.write(number * PACKET, tone(number * PACKET), number * PACKET)
        if not late or number:
            out.append(line.read(PACKET))
    return line, np.concatenate(out, axis=1)


def test_the_first_sound_that_is_lost_is_silence_of_its_length() -> None:
    line = SoundLine(0)
    line.write(0, ramp(1), 0)
    line.write(2 * PACKET, ramp(2 * PACKET), 2 * PACKET)
    line.read(PACKET)
    assert not line.read(PACKET).any()
    assert line.read(PACKET)[0][0] == 2 * PACKET
    assert (line.silence, line.concealed) == (PACKET, 0)


@pytest.mark.parametrize("late", [False, True], ids=["found missing when read", "found missing when the next one came"])
def test_a_lost_packet_is_concealed_and_counted_apart(late: bool) -> None:
    line, heard = played({10}, late=late)
    assert (line.concealed, line.silence) == (PACKET, 0)
    whole = tone(0, 20 * PACKET)[:, : heard.shape[1]]
    assert level(heard[:, 10 * PACKET : 11 * PACKET]) > 0.5 * level(whole)
    assert np.abs(np.diff(heard[0])).max() < 2 * np.abs(np.diff(whole[0])).max(), "it clicks"
    assert np.allclose(heard[:, 12 * PACKET :], whole[:, 12 * PACKET :])


def test_a_long_hole_is_concealed_for_60_ms_and_then_silent() -> None:
    line, heard = played(set(range(6, 12)))
    assert (line.concealed, line.silence) == (3 * PACKET, 3 * PACKET)
    assert not heard[:, 9 * PACKET : 12 * PACKET].any()


def test_nothing_is_concealed_from_one_source_to_the_next() -> None:
    line, _ = played(set())
    line.mute()
    assert not line.read(PACKET).any()
    assert line.concealed == 0


def test_what_comes_after_it_was_read_is_trimmed_and_the_rest_is_in_place() -> None:
    line = SoundLine(0)
    assert not line.read(500).any()
    line.write(0, ramp(0), 0)
    assert line.read(1)[0][0] == 500
    assert line.silence == 500


def test_what_was_trimmed_does_not_come_back_when_the_ring_comes_round() -> None:
    line = SoundLine(0)
    line.read(500)
    line.write(0, ramp(1), 0)
    line.read(PACKET - 500)
    assert not line.read(CAPACITY).any()


def test_silence_and_sound_add_up_to_the_sample_count() -> None:
    line = SoundLine(0)
    for number in (0, 1, 5, 6):
        line.write(number * PACKET, ramp(1), number * PACKET)
    assert sum(line.read(1024).shape[1] for _ in range(20)) == 20 * 1024
    assert line.position == 20 * 1024


def test_a_small_lasting_difference_is_worked_off_by_stretching() -> None:
    line = SoundLine(0)
    off = RATE * 30 // 1000
    for number in range(100):
        line.write(number * PACKET, tone(number * PACKET), number * PACKET + (off if number else 0))
        line.read(PACKET)
    assert abs(line.correction) <= RATE * 10 // 1000


def test_a_large_difference_is_corrected_at_once() -> None:
    line = SoundLine(0)
    line.write(0, ramp(1), 0)
    line.write(PACKET, ramp(5000), 4 * PACKET)
    line.read(4 * PACKET)
    assert line.read(1)[0][0] == 5000


def test_nothing_is_kept_for_later_than_four_seconds() -> None:
    line = SoundLine(0)
    line.write(0, ramp(1), CAPACITY + 10)
    line.write(5 * RATE, ramp(1), CAPACITY - 100)
    assert line.read(CAPACITY)[0][-100:].all()
    assert not line.read(PACKET).any()


def test_the_ring_wraps_without_a_trace() -> None:
    line = SoundLine(0)
    for number in range(300):
        line.write(number * PACKET, ramp(number * PACKET), number * PACKET)
        assert line.read(PACKET)[0][0] == number * PACKET


def test_muting_forgets_what_waits() -> None:
    line = SoundLine(0)
    line.write(0, ramp(1), 0)
    line.mute()
    assert not line.read(PACKET).any()


def test_after_a_jump_the_line_goes_on_at_the_new_place() -> None:
    line = SoundLine(0)
    line.write(0, ramp(1), 0)
    line.jump(100_000)
    line.write(99, ramp(7), 100_000)
    assert line.read(PACKET)[0][0] == 7


@pytest.mark.parametrize("by", [-240, -1, 0, 1, 240])
def test_stretching_changes_the_length_and_keeps_both_ends(by: int) -> None:
    pcm = ramp(1)
    out = stretch(pcm, by)
    assert out.shape == (2, PACKET + by)
    assert out[0][0] == pcm[0][0]
    assert out[0][-1] == pytest.approx(pcm[0][-1], abs=1)
    assert out.max() <= pcm.max()
