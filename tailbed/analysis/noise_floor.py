"""The A/A noise floor: the difference that a machine makes between a deployment and itself."""

from __future__ import annotations

import numpy as np

from tailbed.analysis.intervals import NoInterval, run_interval


def noise_floor(ratios: np.ndarray) -> float | None:
    """How far from 1 the ratio of two identical deployments may lie: ``exp(|mean| + t s / sqrt(n))`` of the log-ratios.

    This is the farther end of the A/A comparison's own interval. Two things can set identical deployments apart: a
    bias of the machine or of the procedure, which more blocks do not average out (the mean), and noise, which they do
    (the half-width). The bias is known only as well as the noise allows, so its upper confidence limit is taken: a
    difference that does not lie beyond it may be the machine's.

    It costs power: with as many A/A blocks as the comparison has, and the same noise, a difference must be about twice
    as large to be claimed. More A/A blocks (those of several experiments may be put together) bring the floor down to
    the bias.

    Args:
        ratios: float ``[blocks]``, the same figure of a deployment over that of its twin in the same block, measured
            on this machine under the same scenario; NaN where one of the two is missing or not valid.

    Returns:
        A ratio of 1 or more, or None with fewer A/A blocks than an interval takes: the floor is not known.
    """
    interval = run_interval(ratios, unit="A/A blocks")
    return None if isinstance(interval, NoInterval) else max(interval.high, 1 / interval.low)
