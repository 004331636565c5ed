"""A rate that changes over time, its integral and the integral's inverse, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

_ROUNDING: Final = 1e-12
"""A count this close below the end of a piece, relative to it, is at the end: sums such as 0.1 + 0.2 are not exact, and
what belongs to the start of the next piece must not fall before a pause."""


@dataclass(frozen=True)
class Piece:
    """A stretch of ``length_s`` seconds over which the rate goes evenly from ``start`` to ``end`` per second."""

    length_s: float
    start: float
    end: float

    @property
    def count(self) -> float:
        """The integral of the rate: how many arrivals are expected."""
        return self.length_s * (self.start + self.end) / 2


class RateProfile:
    """Pieces one after the other, over and over."""

    def __init__(self, *pieces: Piece) -> None:
        """Take the pieces of one cycle; at least one has a rate above 0."""
        self._length_s = np.array([piece.length_s for piece in pieces])
        self._start = np.array([piece.start for piece in pieces])
        self._end = np.array([piece.end for piece in pieces])
        counts = [piece.count for piece in pieces]
        self._begins_s = _before([piece.length_s for piece in pieces])
        self._before = _before(counts)
        self._cycle_s = math.fsum(self._length_s.tolist())
        self._cycle = math.fsum(counts)

    def count(self, time_s: float) -> float:
        """The integral of the rate from 0 to ``time_s``."""
        cycles, within_s = divmod(time_s, self._cycle_s)
        piece = int(np.searchsorted(self._begins_s, within_s, side="right")) - 1
        into_s = min(within_s - self._begins_s[piece], self._length_s[piece])
        slope = (self._end[piece] - self._start[piece]) / self._length_s[piece]
        return float(cycles * self._cycle + self._before[piece] + into_s * (self._start[piece] + slope * into_s / 2))

    def times_s(self, counts: np.ndarray) -> np.ndarray:
        """When the integral exceeds each of ``counts``, float64 ``[n]`` of 0 or more, in seconds.

        This maps the arrivals of a process of rate 1 to those of this rate: a Poisson process to the Poisson process
        whose intensity is this rate (time rescaling; Cinlar, "Introduction to Stochastic Processes", 1975, ch. 4.7).
        """
        cycles, within = np.divmod(counts, self._cycle)
        slack = _ROUNDING * counts
        over = within + slack >= self._cycle
        cycles, within = np.where(over, cycles + 1.0, cycles), np.where(over, 0.0, within)
        # From the right: where the rate is 0 for a while, the integral exceeds its value there only at the end.
        piece = np.searchsorted(self._before, within + slack, side="right") - 1
        into = np.maximum(within - self._before[piece], 0.0)
        start, length_s = self._start[piece], self._length_s[piece]
        slope = (self._end[piece] - start) / length_s
        # The root of start * t + slope * t^2 / 2 = into, in the form that does not cancel.
        divisor = start + np.sqrt(np.maximum(start * start + 2.0 * slope * into, 0.0))
        into_s = np.divide(2.0 * into, divisor, out=np.zeros_like(into), where=divisor > 0.0)
        times_s: np.ndarray = cycles * self._cycle_s + self._begins_s[piece] + np.minimum(into_s, length_s)
        return times_s


def _before(values: list[float]) -> np.ndarray:
    """What has come together before each of ``values``."""
    return np.array([math.fsum(values[:index]) for index in range(len(values))])
