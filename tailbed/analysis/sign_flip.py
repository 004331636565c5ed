"""The sign-flip test: could the differences of pairs as well have had other signs?

Fisher (1935), The Design of Experiments, chapter III. Within a block it is chance which of two equal deployments got
the larger figure. So every pattern of signs is equally likely if there is no difference, whatever the distribution.
"""

from __future__ import annotations

import numpy as np

EXACT_UP_TO = 40
"""Differences up to which every pattern of signs is counted; with more, ``_SAMPLED`` random patterns are."""
_SAMPLED = 99_999


def sign_flip_p(differences: np.ndarray) -> float:
    """The two-sided p-value of the mean difference being zero.

    The share of all 2^n patterns of signs whose sum is at least as far from zero as the one that was seen. They are
    all counted, half against half: the 2^(n/2) sums of the first half of the differences, sorted, against those of
    the second. Above ``EXACT_UP_TO`` differences it is ``(1 + hits) / (1 + patterns)`` over random patterns from a
    fixed seed, which never errs on the side of a claim (Phipson and Smyth 2010).

    Args:
        differences: float ``[n]``, finite; here the log-ratios of blocks.

    Returns:
        A p-value in (0, 1]: 1 without a difference, never less than ``smallest_p(n)``.
    """
    # Equal sums must stay equal whatever the order of their terms: a tie counts as "as far".
    seen = abs(float(differences.sum())) - 1e-12 * float(np.abs(differences).sum())
    if seen <= 0:
        return 1.0
    n = len(differences)
    if n > EXACT_UP_TO:
        signs = np.random.default_rng(0).integers(0, 2, size=(_SAMPLED, n), dtype=np.int8) * 2 - 1
        return float((1 + np.count_nonzero(np.abs(signs @ differences) >= seen)) / (1 + _SAMPLED))
    first, second = _sums(differences[: n // 2]), np.sort(_sums(differences[n // 2 :]))
    above = len(second) * len(first) - int(np.searchsorted(second, seen - first, side="left").sum())
    return float(2 * above / 2**n)  # the patterns below -seen mirror those above


def smallest_p(n: int) -> float:
    """The least p-value that n differences can give, when all of them have the same sign: ``2 / 2^n``."""
    return 2.0 ** (1 - n)


def _sums(differences: np.ndarray) -> np.ndarray:
    """The sums of all patterns of signs: float ``[2^n]``."""
    sums = np.zeros(1)
    for difference in differences.tolist():
        sums = np.concatenate([sums + difference, sums - difference])
    return sums
