"""Whether two cells differ: paired by block, corrected for the number of questions, and never claimed out of noise.

A difference is claimed if all of these hold; otherwise none is shown.

- The interval of the ratio lies beyond 1 and beyond the A/A noise floor: all of it above the floor, or all of it
  below the floor's inverse.
- The exact sign-flip test, corrected after Holm for all that is compared together, gives p below 0.05.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tailbed.analysis.holm import holm
from tailbed.analysis.intervals import Interval, NoInterval, run_interval
from tailbed.analysis.sign_flip import sign_flip_p, smallest_p

LEVEL = 0.05
THROUGHPUT = "throughput"
"""The figure of which more is better. Every other one is a time, named as people name it: ``"P99"``."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One question: the same figure of two cells, block by block.

    Attributes:
        a, b: the cells' names, as the sentence says them.
        figure: ``THROUGHPUT``, or the name of a latency percentile such as ``"P99"``.
        a_values, b_values: float ``[blocks]``, positive, at the same place for the same block; NaN where the run is
            missing or not valid.
        floor: the A/A noise floor of this figure, a ratio of at least 1; None where it was not measured.
    """

    a: str
    b: str
    figure: str
    a_values: np.ndarray
    b_values: np.ndarray
    floor: float | None = None


@dataclass(frozen=True)
class Comparison:
    """The answer to a ``Pair``."""

    a: str
    b: str
    figure: str
    ratio: Interval | NoInterval
    """A over B, over the blocks that both have."""
    p_value: float | None
    """Of the exact sign-flip test; None without an interval."""
    adjusted_p: float | None
    """The same after Holm's correction over ``comparisons``."""
    comparisons: int
    """How many comparisons were tested together."""
    floor: float | None
    reason: str | None
    """Why no difference is claimed; None where one is."""

    @property
    def claimed(self) -> bool:
        """Whether the data show a difference."""
        return self.reason is None

    def sentence(self) -> str:
        """The verdict in words, with its interval."""
        if isinstance(self.ratio, NoInterval):
            return f"no difference shown between {self.a} and {self.b} in {self.figure} ({self.reason})"
        numbers = _numbers(self.ratio)
        if not self.claimed:
            return f"no difference shown between {self.a} and {self.b} in {self.figure}: {numbers} ({self.reason})"
        unknown = " (noise floor not measured)" if self.floor is None else ""
        if self.figure == THROUGHPUT:
            return f"{self.a} serves {numbers} of {self.b}'s throughput{unknown}"
        return f"{self.a} answers in {numbers} of {self.b}'s {self.figure} time{unknown}"


def block_ratios(a_values: np.ndarray, b_values: np.ndarray) -> np.ndarray:
    """A over B in every block: float ``[blocks]``, NaN in a block that one of the two lacks."""
    if a_values.shape != b_values.shape:
        raise ValueError(f"blocks do not match: {a_values.shape} and {b_values.shape}")
    ratios: np.ndarray = a_values / b_values
    return ratios


def blocks_needed(comparisons: int) -> int:
    """The fewest blocks with which one of so many comparisons, all tested together, can show a difference.

    The sign-flip test of n blocks gives 2 / 2^n at the least, and Holm multiplies the smallest p by the number of
    comparisons: 6 blocks for one, 7 for two or three, 8 for four to six.
    """
    blocks = 1
    while comparisons * smallest_p(blocks) >= LEVEL:
        blocks += 1
    return blocks


def compare(pairs: Sequence[Pair]) -> list[Comparison]:
    """Answer all questions of one experiment together, in their order.

    Pairs with too few common blocks for an interval are not tested and do not count in the correction: that they are
    too few is known before any figure is looked at.

    Raises:
        ValueError: the two sides of a pair differ in shape, or a figure is zero, negative or infinite.
    """
    ratios = [block_ratios(pair.a_values, pair.b_values) for pair in pairs]
    intervals = [run_interval(values, unit="common blocks") for values in ratios]
    tested = [index for index, interval in enumerate(intervals) if isinstance(interval, Interval)]
    p_values = {index: sign_flip_p(np.log(ratios[index][~np.isnan(ratios[index])])) for index in tested}
    adjusted = dict(zip(tested, holm(np.array([p_values[index] for index in tested])).tolist(), strict=True))
    return [
        Comparison(
            a=pair.a,
            b=pair.b,
            figure=pair.figure,
            ratio=interval,
            p_value=p_values.get(index),
            adjusted_p=adjusted.get(index),
            comparisons=len(tested),
            floor=pair.floor,
            reason=_doubt(interval, adjusted.get(index, 1.0), len(tested), pair.floor),
        )
        for index, (pair, interval) in enumerate(zip(pairs, intervals, strict=True))
    ]


def _doubt(ratio: Interval | NoInterval, adjusted_p: float, comparisons: int, floor: float | None) -> str | None:
    """The first reason not to claim a difference, if there is one."""
    if isinstance(ratio, NoInterval):
        return ratio.reason
    needed = blocks_needed(comparisons)
    # First, because below that number no data whatever could have shown a difference.
    if adjusted_p >= LEVEL and ratio.runs < needed:
        among = f" among {comparisons} comparisons" if comparisons > 1 else ""
        return f"needs {needed} blocks to be able to show a difference{among}, has {ratio.runs}"
    if ratio.low <= 1 <= ratio.high:
        return "the interval includes 1"
    if floor is not None and 1 / floor <= ratio.high and ratio.low <= floor:
        return f"not clear of the noise floor of {_decimals(floor, 3)}x"
    if adjusted_p >= LEVEL:
        corrected = f" after Holm's correction over {comparisons} comparisons" if comparisons > 1 else ""
        return f"p = {adjusted_p:.2g}{corrected}"
    return None


def _numbers(ratio: Interval) -> str:
    """``0.81x [0.78, 0.85]``: two decimals, and more where two would make the ends look equal to each other or to 1."""
    digits = 2
    while digits < 6 and _blurred(ratio, digits):
        digits += 1
    low, high = _decimals(ratio.low, digits), _decimals(ratio.high, digits)
    return f"{_decimals(ratio.estimate, digits)}x [{low}, {high}]"


def _blurred(ratio: Interval, digits: int) -> bool:
    low, high = _decimals(ratio.low, digits), _decimals(ratio.high, digits)
    one = _decimals(1.0, digits)
    return ratio.low != ratio.high and (low == high or (one in (low, high) and not ratio.low <= 1 <= ratio.high))


def _decimals(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"
