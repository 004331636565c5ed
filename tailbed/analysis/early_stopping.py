"""MLPerf LoadGen's early-stopping bound: a diagnostic beside a run's percentile, never a verdict.

Source: MLPerf Inference Rules, appendix "Early stopping criterion"; LoadGen's ``early_stopping.cc`` and ``results.cc``,
with confidence 0.99 and tolerance 0. The bound treats requests as independent, which those of a queue are not, so under
load it is more certain of itself than it may be.
"""

from __future__ import annotations

import numpy as np

from tailbed.analysis.percentiles import FLOOR_CONFIDENCE


def overlatency_allowed(requests: int, fraction: float) -> int:
    """How many of so many requests may be late with a percentile still held, at 99% confidence.

    The largest t with ``F(t; requests, 1 - fraction) <= 0.01``, where F is the binomial distribution function: were
    the percentile just missed, t or fewer late requests would be seen in one run of a hundred at most.

    Args:
        requests: at least 1.
        fraction: the percentile, in (0, 1), such as 0.99.

    Returns:
        The number, or -1 when not even a run without one late request would do: below 459 for P99. From
        ``percentiles.sample_floor(fraction)`` requests on it is 1 or more.
    """
    from scipy.special import bdtr  # not at the module's top: the command line must start faster than scipy does

    low, high = -1, requests  # F(low) is small enough, F(high) = 1 is not
    while low + 1 < high:
        middle = (low + high) // 2
        # The same limit, rounding included, as that of the sample floor.
        low, high = (middle, high) if bdtr(middle, requests, 1 - fraction) <= 1 - FLOOR_CONFIDENCE else (low, middle)
    return low


def early_stopping_bound(values: np.ndarray, fraction: float) -> float | None:
    """The value that LoadGen would report for the percentile: its t-th largest, with t = ``overlatency_allowed``.

    The t - 1 highest are discarded and the highest of the rest is reported. It lies above the true percentile in at
    least 99% of runs of independent requests, and comes down to it from above as requests are added.

    Args:
        values: float ``[n]``, n >= 1; ``inf`` stands for a request that was never answered.
        fraction: in (0, 1), such as 0.99.

    Returns:
        One of the values, or None below ``percentiles.sample_floor(fraction)`` of them.
    """
    allowed = overlatency_allowed(len(values), fraction)
    if allowed < 1:
        return None
    rank = len(values) - allowed
    return float(np.partition(values, rank)[rank])
