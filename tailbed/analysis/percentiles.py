"""Exact percentiles, and how many requests one needs before it may be quoted."""

from __future__ import annotations

import math

import numpy as np

FLOOR_CONFIDENCE = 0.99
"""Confidence that more than one request of the sample lies above the true percentile."""


def percentile(values: np.ndarray, fraction: float) -> float:
    """The nearest-rank percentile: the smallest value that at least ``fraction`` of all do not exceed.

    Args:
        values: float ``[n]``, n >= 1; ``inf`` stands for a request that was never answered.
        fraction: in (0, 1], such as 0.99.

    Returns:
        One of the values, never an interpolation between two (Hyndman and Fan 1996, definition 1).
    """
    rank = max(math.ceil(round(fraction * len(values), 9)) - 1, 0)
    return float(np.partition(values, rank)[rank])


def sample_floor(fraction: float) -> int:
    """The fewest requests from which a percentile may be quoted: 662 for P99, 6,636 for P99.9.

    With n requests the chance of seeing at most one of them above the true percentile is
    ``p^n + n (1 - p) p^(n - 1)``; the floor is the smallest n that brings it down to 1 - ``FLOOR_CONFIDENCE``.
    This is the early-stopping rule of MLPerf LoadGen for one exceedance.
    """

    def miss(n: int) -> float:
        return fraction**n + n * (1 - fraction) * fraction ** (n - 1)

    high = 2
    while miss(high) > 1 - FLOOR_CONFIDENCE:
        high *= 2
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if miss(middle) <= 1 - FLOOR_CONFIDENCE else (middle, high)
    return high
