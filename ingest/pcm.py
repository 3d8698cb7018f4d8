"""How decoded sound is held everywhere in the transcoder. Rules only."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
CHANNELS = 2

Pcm: TypeAlias = NDArray[np.float32]
"""Planar: (CHANNELS, samples) at RATE, full scale is 1.0."""
