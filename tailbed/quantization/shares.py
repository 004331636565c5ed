"""Shares of the same items under two artifacts: the exact McNemar test, and intervals that hold for few differences."""

from __future__ import annotations

import math
from statistics import NormalDist

from tailbed.analysis.intervals import CONFIDENCE

_EDGE = 1 - 1e-12


def mcnemar_p(only_first: int, only_second: int) -> float | None:
    """Two-sided p-value that two artifacts are right equally often: McNemar (1947), with its exact binomial test.

    Args:
        only_first: items that the first one alone has right.
        only_second: items that the second one alone has right.

    Returns:
        None where they differ in no item: there is nothing to test.
    """
    differing = only_first + only_second
    if not differing:
        return None
    from scipy.special import bdtr  # not at the module's top: the command line must start faster than scipy does

    return min(1.0, 2 * float(bdtr(min(only_first, only_second), differing, 0.5)))


def paired_interval(only_first: int, only_second: int, items: int, level: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of the share that the first has right less that of the second, item by item: Tango's score interval.

    Tango (1998), Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design. Unlike Wald's it has a width where the two differ in no item at all.

    Args:
        only_first: items that the first one alone has right.
        only_second: items that the second one alone has right.
        items: how many there are, at least one.
        level: its confidence.

    Returns:
        Its two ends, -1 to 1.
    """
    from scipy.optimize import brentq

    limit = NormalDist().inv_cdf((1 + level) / 2)
    estimate = (only_first - only_second) / items

    def beyond(difference: float) -> float:
        return abs(_score(difference, only_first, only_second, items)) - limit

    low = -1.0 if beyond(-_EDGE) <= 0 else float(brentq(beyond, -_EDGE, min(estimate, _EDGE)))
    high = 1.0 if beyond(_EDGE) <= 0 else float(brentq(beyond, max(estimate, -_EDGE), _EDGE))
    return low, high


def share_interval(count: int, items: int) -> tuple[float, float]:
    """The exact 95% interval of a share of ``items``, by Clopper and Pearson (1934)."""
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, items - count + 1, tail))
    high = 1.0 if count == items else float(betaincinv(count + 1, items - count, 1 - tail))
    return low, high


def _score(difference: float, only_first: int, only_second: int, items: int) -> float:
    """Tango's statistic, standard normal where the true difference is ``difference``.

    ``(b - c - n d) / sqrt(n (2 q + d (1 - d)))`` with q the likeliest share of ``only_second`` given d.
    """
    a = 2 * items
    b = -only_first - only_second + (2 * items - only_first + only_second) * difference
    c = -only_second * difference * (1 - difference)
    share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = items * (2 * share + difference * (1 - difference))
    apart = only_first - only_second - items * difference
    return apart / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, apart) if apart else 0.0
