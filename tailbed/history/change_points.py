"""Where a series of figures changed its level, and not merely scattered.

The figures are replaced by their ranks, so that one wild experiment counts as one. PELT (Killick, Fearnhead and Eckley,
2012) then finds the levels that leave the least squared deviation, each further level at the price of a penalty. The
penalty is what the best single split gains in ranks of random order, exceeded with the probability ``level``: a series
whose order means nothing is marked no more often than that, however its figures are distributed. It depends on the
number of figures only.

Ranks tell that there is a change and forget how large it is. Where exactly it lies is then asked of the logarithms: the
place between its neighbours that leaves the least absolute deviation, to which one wild experiment means little.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

LEVEL: Final = 0.05
"""Probability of a mark in a series whose order means nothing."""
SMALLEST: Final = 0.05
"""Smaller changes than this share are not marked, however sure they are."""
FEWEST: Final = 3
"""Figures on either side of a change."""
_ORDERS: Final = 20_000
_AT_ONCE: Final = 2_000
_SEED: Final = 1


def change_points(figures: np.ndarray, level: float = LEVEL, smallest: float = SMALLEST) -> list[int]:
    """The places at which another level begins, in their order; none where there are too few figures.

    Args:
        figures: float ``[experiments]``, positive, in the order of time.
        level: probability of a mark in a series whose order means nothing.
        smallest: geometric means that differ by less than this share are taken as one level.
    """
    from ruptures import Pelt
    from scipy.stats import rankdata

    n = len(figures)
    if n < fewest_figures(level):
        return []
    # A split must gain more than the penalty, as the penalty was exceeded.
    price = penalty(n, level) * (1 + 1e-9)
    ends = Pelt(model="l2", min_size=FEWEST, jump=1).fit_predict(rankdata(figures)[:, None], price)
    logs = np.log(figures)
    return _large(logs, _located(logs, [int(end) for end in ends[:-1]]), np.log1p(smallest))


@cache
def penalty(n: int, level: float) -> float:
    """What the best split of ``n`` ranks gains, exceeded by random orders with at most the probability ``level``.

    By ``_ORDERS`` random orders from a fixed seed.
    """
    rng = np.random.default_rng(_SEED)
    ranks = np.tile(np.arange(1.0, n + 1), (_AT_ONCE, 1))
    gains = [_best_gain(rng.permuted(ranks, axis=1)) for _ in range(_ORDERS // _AT_ONCE)]
    return float(np.quantile(np.concatenate(gains), 1 - level, method="higher"))


@cache
def fewest_figures(level: float) -> int:
    """With fewer figures than this not even a clean step in the middle could be told from chance."""
    n = 2 * FEWEST
    while (n // 2) * (n - n // 2) * n / 4 <= penalty(n, level):
        n += 1
    return n


def levels(figures: np.ndarray, changes: Sequence[int]) -> list[float]:
    """The geometric mean of each part between changes, one more than there are changes."""
    return [float(np.exp(np.log(part).mean())) for part in np.split(figures, changes)]


def _best_gain(ranks: np.ndarray) -> np.ndarray:
    """Squared deviation that the best split of each row ``[orders, n]`` takes away: k (n - k) / n times the squared
    difference of the two means, which is n / (k (n - k)) times the squared sum of the deviations before it."""
    n = ranks.shape[1]
    before = np.arange(FEWEST, n - FEWEST + 1)
    sums = np.cumsum(ranks - ranks.mean(axis=1, keepdims=True), axis=1)[:, before - 1]
    best: np.ndarray = (sums**2 * n / (before * (n - before))).max(axis=1)
    return best


def _located(logs: np.ndarray, changes: Sequence[int]) -> list[int]:
    """Each change at its best place between the one before it, as already placed, and the one after it."""
    from ruptures import Binseg

    placed = [0]
    for after in [*changes[1:], len(logs)][: len(changes)]:
        part = logs[placed[-1] : after, None]
        split, _ = Binseg(model="l1", min_size=FEWEST, jump=1).fit_predict(part, n_bkps=1)
        placed.append(placed[-1] + int(split))
    return placed[1:]


def _large(logs: np.ndarray, changes: list[int], smallest: float) -> list[int]:
    """Join neighbouring levels, the nearest first, until all that are left differ by ``smallest`` in the logarithm."""
    while changes:
        means = [float(part.mean()) for part in np.split(logs, changes)]
        steps = [abs(after - before) for before, after in pairwise(means)]
        least = int(np.argmin(steps))
        if steps[least] >= smallest:
            break
        changes = [*changes[:least], *changes[least + 1 :]]
    return changes
