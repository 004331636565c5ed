"""Intervals over runs: what a cell's figure is, and how far a repetition of the whole experiment may move it.

The run is the statistical unit. Requests inside a run share one queue, so an interval that treats them as independent
is far too narrow; figures of runs in fresh processes are independent. Latency percentiles are skewed and compared as
ratios, so the interval is taken on their logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
FEWEST_RUNS = 6
"""With fewer runs no interval is quoted: the exact sign-flip test of five can never fall below 0.05."""
RECOMMENDED_RUNS = 8


@dataclass(frozen=True)
class Interval:
    """A geometric mean over runs and its 95% confidence interval, all in the figure's own unit."""

    estimate: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True)
class NoInterval:
    """Why there is no interval, with the geometric mean of what was measured."""

    estimate: float | None
    """None without a single run."""
    runs: int
    reason: str


def run_interval(values: np.ndarray, unit: str = "runs") -> Interval | NoInterval:
    """The geometric mean over runs and its two-sided t-interval on the log: ``exp(mean +- t s / sqrt(n))``.

    It estimates the geometric mean, over all runs that could have been made, of the per-run figure. This is not the
    percentile of all requests thrown together.

    Args:
        values: float ``[runs]``, one figure a run, such as its P99 in ms, or the ratio of two; NaN where a run is
            missing or not valid.
        unit: what a value stands for, as the reason names it.

    Returns:
        The interval, or the reason why ``FEWEST_RUNS`` values are not there.

    Raises:
        ValueError: a value is zero, negative or infinite, and so has no logarithm.
    """
    from scipy.special import stdtrit  # not at the module's top: the command line must start faster than scipy does

    present = values[~np.isnan(values)]
    if not np.all((present > 0) & np.isfinite(present)):
        raise ValueError(f"figures of runs must be positive and finite: {present.tolist()}")
    logs = np.log(present)
    runs = len(logs)
    if runs < FEWEST_RUNS:
        estimate = float(np.exp(logs.mean())) if runs else None
        return NoInterval(estimate, runs, f"insufficient: {runs} {unit}, needs {FEWEST_RUNS}")
    mean = logs.mean()
    half = stdtrit(runs - 1, (1 + CONFIDENCE) / 2) * logs.std(ddof=1) / np.sqrt(runs)
    return Interval(float(np.exp(mean)), float(np.exp(mean - half)), float(np.exp(mean + half)), runs)
