from __future__ import annotations

import numpy as np
import pytest

from ingest.concealment import HISTORY, LONGEST, RESUME, conceal, pitch_lag, resume
from ingest.pcm import RATE, Pcm


def tone(hz: float, first: int, count: int) -> Pcm:
    return np.tile(np.sin(2 * np.pi * hz * np.arange(first, first + count) / RATE).astype(np.float32), (2, 1))


def level(pcm: Pcm) -> float:
    return float(np.sqrt(np.mean(pcm**2)))


@pytest.mark.parametrize("hz", [100.0, 160.0, 220.0, 350.0])
def test_a_lost_packet_of_a_steady_tone_is_hardly_missed(hz: float) -> None:
    made_up, lost = conceal(tone(hz, 0, HISTORY), 480), tone(hz, HISTORY, 480)
    assert level(made_up - lost) < 0.25 * level(lost)


def test_the_pitch_is_found() -> None:
    voice = sum(tone(120.0 * n, 0, HISTORY) / n for n in range(1, 6))
    assert pitch_lag(voice) % 400 == pytest.approx(0, abs=4)


def test_it_fades_to_nothing_and_stays_there() -> None:
    made_up = conceal(tone(200.0, 0, HISTORY), LONGEST + 1000)
    assert level(made_up[:, :480]) > 0.6
    assert level(made_up[:, LONGEST - 480 : LONGEST]) < 0.1
    assert not made_up[:, LONGEST:].any()


def test_a_hole_filled_in_steps_sounds_like_one_filled_at_once() -> None:
    history = tone(200.0, 0, HISTORY)
    steps = [conceal(history, 700, already) for already in (0, 700, 1400)]
    assert np.allclose(np.concatenate(steps, axis=1), conceal(history, 2100), atol=1e-6)


def test_without_history_there_is_silence() -> None:
    assert not conceal(tone(200.0, 0, HISTORY - 1), 960).any()


def test_what_comes_again_is_faded_in() -> None:
    joined = resume(np.ones((2, RESUME), np.float32), np.zeros((2, 960), np.float32))
    assert joined[0, 0] == 1.0
    assert np.abs(np.diff(joined[0])).max() < 0.01
    assert not joined[:, RESUME:].any()


def test_silence_is_concealed_by_silence() -> None:
    assert not conceal(np.zeros((2, HISTORY), np.float32), 960).any()
