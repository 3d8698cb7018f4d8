"""How fast a figure grows, and how sure that is: a line through samples taken one after the other. Rules only."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import msgspec
import numpy as np

SURE = 1.96
"""Standard errors to either side, for 95 of a hundred times, where there are many samples."""
LEAST_INDEPENDENT = 6.0


class Slope(msgspec.Struct, frozen=True):
    """Growth for each unit of x, and the range that it lies in with 95 % confidence."""

    value: float
    low: float
    high: float


def slope(x: Sequence[float], y: Sequence[float]) -> Slope:
    """Least squares. Raises ValueError for fewer than four samples.

    Memory of a process wanders: a sample says little that the one before has not said. So the error is that of as many
    independent samples as the residuals' autocorrelation leaves (n (1 - r) / (1 + r)), never more than there are.
    """
    if len(x) < 4:
        raise ValueError("a slope needs four samples")
    at, values = np.asarray(x, float), np.asarray(y, float)
    rise, base = np.polyfit(at, values, 1)
    residuals = values - (rise * at + base)
    variance = float(residuals @ residuals)
    if variance == 0.0:
        return Slope(float(rise), float(rise), float(rise))
    alike = min(max(float(residuals[1:] @ residuals[:-1]) / variance, 0.0), 0.99)
    independent = max(LEAST_INDEPENDENT, len(x) * (1 - alike) / (1 + alike))
    freedom = independent - 2
    spread = float(((at - at.mean()) ** 2).mean()) * independent
    error = sqrt(variance / len(x) * independent / freedom / spread)
    sure = SURE + 2.8 / freedom  # Student's t for as many, to a few per cent
    return Slope(float(rise), float(rise - sure * error), float(rise + sure * error))
