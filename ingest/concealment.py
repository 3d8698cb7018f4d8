"""Fills a hole in the sound with more of what was heard before it, fading out: pitch waveform replication. Rules only.

After ITU-T G.711 Appendix I, for 48 kHz: the last pitch period is repeated, at full level for 10 ms and down to nothing at
60 ms. A lost packet (20 ms) is then hardly heard, a longer hole ends in silence and not in a buzz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.pcm import Pcm

HISTORY = 48 * 40
"""Samples before the hole that are looked at."""

LONGEST = 48 * 60
"""A hole is filled for so long; what follows is silence."""

RESUME = 48 * 4
"""Over so many samples what is made up gives way to what came."""

_FULL = 48 * 10
_SHORTEST_LAG, _LONGEST_LAG = 48 * 5 // 2, 48 * 15
_TEMPLATE = 48 * 10
_LAG_STEP = 2


def conceal(history: Pcm, count: int, already: int = 0) -> Pcm:
    """`count` samples to follow `history`, of whose hole `already` samples were filled before.

    History shorter than `HISTORY` gives silence: nothing is known of the sound yet.
    """
    out = np.zeros((history.shape[0], count), np.float32)
    wanted = min(count, max(0, LONGEST - already))
    if wanted == 0 or history.shape[1] < HISTORY:
        return out
    period = _period(history, pitch_lag(history))
    places = (already + np.arange(wanted)) % period.shape[1]
    out[:, :wanted] = period[:, places] * _gain(already, wanted)
    return out


def resume(made_up: Pcm, real: Pcm) -> Pcm:
    """`real`, its first samples faded in over `made_up` (as long as `RESUME`, or as `real` where that is shorter)."""
    overlap = min(RESUME, real.shape[1], made_up.shape[1])
    fade = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
    joined = real.copy()
    joined[:, :overlap] = made_up[:, :overlap] * (1.0 - fade) + real[:, :overlap] * fade
    return joined


def pitch_lag(history: Pcm) -> int:
    """After how many samples (2.5 to 15 ms) the end of the sound looks most like itself."""
    mono = history[:, -HISTORY:].mean(axis=0)
    template = mono[-_TEMPLATE:]
    lags = np.arange(_SHORTEST_LAG, _LONGEST_LAG + 1, _LAG_STEP)
    windows = np.lib.stride_tricks.sliding_window_view(mono, _TEMPLATE)[mono.size - _TEMPLATE - lags]
    energy = np.sqrt(np.einsum("ij,ij->i", windows, windows)) + 1e-6
    return int(lags[np.argmax(windows @ template / energy)])


def _period(history: Pcm, lag: int) -> Pcm:
    """The last period; its end leads over into its beginning, so that repeating it does not click."""
    period = history[:, -lag:].copy()
    blend = lag // 4
    fade = np.linspace(0.0, 1.0, blend, dtype=np.float32)
    before = history[:, -lag - blend : -lag]
    period[:, -blend:] = period[:, -blend:] * (1.0 - fade) + before * fade
    return period


def _gain(already: int, count: int) -> NDArray[np.float32]:
    at = already + np.arange(count, dtype=np.float32)
    gain: NDArray[np.float32] = np.clip(1.0 - (at - _FULL) / (LONGEST - _FULL), 0.0, 1.0).astype(np.float32)
    return gain
