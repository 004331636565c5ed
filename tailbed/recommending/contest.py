"""The best of several deployments in one figure, and whether the runs show it.

Two questions are answered, each with an error rate of its own (simulated in the tests):

* **Is it the best?** Claimed only if it is shown to be better than each other one. Every comparison is tested at the
  full level: to be the best it must pass all of them, so that their number makes a false claim rarer and not more
  frequent (the intersection-union test, Berger 1982). That it was chosen on the same data makes the one-sided level of
  a fixed deployment, half of the test's, a two-sided one: of equal deployments any may win. With two equal ones that
  is the test's own 5%; with more it is less (Gutmann and Maymin 1987, Is the Selected Population the Best?).
* **Which others may be the best?** Where none is shown to be, all that are not shown to be worse than the chosen one,
  with Holm's correction over the comparisons with all others, as one of them is enough to leave out the wrong one
  (the subset that holds the best, Gupta 1965).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tailbed.analysis.comparison import THROUGHPUT, Comparison, Pair, compare
from tailbed.analysis.intervals import Interval
from tailbed.results.identity import Identity


@dataclass(frozen=True, eq=False)
class Contender:
    """A deployment that may be recommended.

    Attributes:
        deployment: which one.
        estimate: its figure, by which it is ranked.
        text: the figure as people read it, with its unit: ``0.39 ms``.
        values: float ``[units]``, positive: the figure of each block's run, or of each process; NaN for none.
        runs: the folders that the figure rests on, relative to the experiment's.
    """

    deployment: Identity
    estimate: float
    text: str
    values: np.ndarray
    runs: tuple[str, ...]


@dataclass(frozen=True)
class PassedOver:
    """A deployment that takes no part, and why, in words."""

    deployment: Identity
    reason: str


@dataclass(frozen=True)
class Contest:
    """Deployments of one model in one figure under one load.

    Attributes:
        load: under which load, in words.
        figure: as in ``Pair``; of ``THROUGHPUT`` more is better, of every other less.
        unit: what a value is of: ``run`` or ``process``.
        contenders: in any order.
        passed_over: all the model's other deployments.
    """

    load: str
    figure: str
    unit: str
    contenders: Sequence[Contender]
    passed_over: Sequence[PassedOver]


@dataclass(frozen=True)
class Outcome:
    """What the contest says.

    Attributes:
        ranking: the contenders, the best first.
        comparisons: of the best with each other one, in the ranking's order: each by itself where it is shown to be the
            best, else corrected for all of them.
        shown: whether it is shown to be better than every other one.
        as_good: those that may be the best one as well; empty where ``shown``.
    """

    ranking: Sequence[Contender]
    comparisons: Sequence[Comparison]
    shown: bool
    as_good: Sequence[Contender]


def decide(contest: Contest, names: dict[Identity, str]) -> Outcome:
    """Rank the contenders, and compare the best with every other one, value by value.

    Raises:
        ValueError: a value is zero, negative or infinite.
    """
    more = contest.figure == THROUGHPUT
    ranking = sorted(contest.contenders, key=lambda each: -each.estimate if more else each.estimate)
    if not ranking:
        return Outcome((), (), False, ())
    best, others = ranking[0], ranking[1:]
    pairs = [
        Pair(names[best.deployment], names[other.deployment], contest.figure, best.values, other.values)
        for other in others
    ]
    alone = [compare([pair])[0] for pair in pairs]
    together = compare(pairs)
    if alone and all(_better(each, more) for each in alone):
        return Outcome(ranking, alone, True, ())
    as_good = [other for other, each in zip(others, together, strict=True) if not _better(each, more)]
    return Outcome(ranking, together, False, as_good)


def _better(comparison: Comparison, more: bool) -> bool:
    """Whether A is shown to be better than B, not only to differ."""
    ratio = comparison.ratio
    if not comparison.claimed or not isinstance(ratio, Interval):
        return False
    return ratio.low > 1 if more else ratio.high < 1
