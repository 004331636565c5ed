"""A run's latency distribution as a curve of exact percentiles, thinned to what a picture can show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tailbed.analysis.percentiles import sample_floor

MARKS = tuple(map(Fraction, ("0.5", "0.75", "0.9", "0.95", "0.99", "0.995", "0.999", "0.9995", "0.9999", "0.99999")))
"""Percentiles that a curve holds exactly, whatever is thinned: those that people ask for."""


@dataclass(frozen=True)
class Curve:
    """Order statistics of a run's response times: the request of rank k is the run's 100 k/n percentile.

    Attributes:
        requests: n, the requests of the measured window, those that failed among them.
        failures: how many of them failed. They rank last, as infinitely slow.
        ranks: int64 ``[points]``, increasing, from 1 to the last rank that may be drawn.
        response_ms: float64 ``[points]``, the response times at these ranks.
        quotable: the highest percentile, as a fraction, that so many requests are enough to quote.
    """

    requests: int
    failures: int
    ranks: np.ndarray
    response_ms: np.ndarray
    quotable: float

    def at(self, fraction: Fraction) -> float | None:
        """The percentile at one of ``MARKS``; None beyond the end of the curve."""
        rank = max(math.ceil(fraction * self.requests), 1)
        place = int(np.searchsorted(self.ranks, rank))
        return float(self.response_ms[place]) if place < len(self.ranks) else None

    def quotes(self, fraction: Fraction) -> bool:
        """Whether there are requests enough for that percentile to be quoted."""
        return float(fraction) <= self.quotable


def percentile_curve(response: np.ndarray, points: int) -> Curve:
    """Reduce response times to about ``points`` exact percentiles, evenly spaced on the axis -log10(1 - p).

    That axis gives every further nine the same room. A point is always a request's own time at its own rank, never
    a mean of several; drawn as steps that rise to the left of a point, the curve is nowhere below the exact one, and
    where it skips ranks it runs ahead by less than one ``points``-th of the axis. It ends at p = 1 - 1/n, beyond
    which a sample of n says nothing, or where the failures begin.

    Args:
        response: float ``[n]``, milliseconds, ``inf`` for a failure.
        points: at least 2; ``MARKS`` come on top.
    """
    requests = len(response)
    ordered = np.sort(response)
    answered = int(np.isfinite(ordered).sum())
    last = min(requests - 1, answered)
    if last < 1:
        ranks = np.empty(0, np.int64)
    else:
        grid = np.linspace(_height(1, requests), _height(last, requests), points)
        spaced = np.ceil(requests * (1 - 10**-grid)).astype(np.int64)
        marks = [math.ceil(mark * requests) for mark in MARKS]
        ranks = np.unique(np.concatenate([spaced, marks, [1, last]]))
        ranks = ranks[(ranks >= 1) & (ranks <= last)]
    return Curve(
        requests=requests,
        failures=requests - answered,
        ranks=ranks,
        response_ms=ordered[ranks - 1],
        quotable=_quotable(requests),
    )


def _height(rank: int, requests: int) -> float:
    return -math.log10(1 - rank / requests)


def _quotable(requests: int) -> float:
    """The highest fraction whose sample floor ``requests`` reach."""
    low, high = 0.0, 1.0 - 1.0 / max(requests, 1)
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if sample_floor(middle) <= requests else (low, middle)
    return low
