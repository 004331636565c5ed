"""How long a request keeps a replica, by what it finds there: tables of what was measured, and draws from them.

Requests are put together that found alike: the same number of others, and a server that had been free for as long, or
that is still to be busy for as long (bins of equal counts). With one bin for an idle replica and one for a busy one
this is the queue with exceptional first service (Welch, "On a generalized M/G/1 queueing process in which the first
customer of each busy period receives exceptional service", Operations Research 12, 1964). More bins keep what frontends
do beyond it: a request that comes early in another's compute time has its own frontend work done by its end, one that
comes late has not; a core that has slept for long wakes up slowly; behind a long queue, several requests are read and
answered at once. And they keep what comes in stretches: queues are where the machine is slow, so that requests that
find one are slow as well.

Slow requests also follow one another where nobody queues: machines and processes have slow times, and a queue makes
more of them than of the same times in any order. So every bin is parted by whether the request before was one of the
slowest of its own bin. Beyond that, draws are independent.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

import numpy as np

from tailbed.planning.fleet.observation import Observed

BIN: Final = 100
"""Fewest requests of a bin, where there are so many: it has no percentile of its own beyond its P99."""
BUSY: Final = 20
"""Fewest requests that found others from which on they are apart from those that found the replica idle."""
DEEP: Final = 500
DEEP_SHARE: Final = 0.05
"""Fewest requests that found more than one other, or more than two and so on, from which on they are apart, and the
least share of the run's. Under a higher load than was measured these times decide how long queues get, so that their
mean must be known well, and the better the longer the run: to 4% by 500 that are exponential."""
MOST_BINS: Final = 32
"""For each number of others found."""
SLOW: Final = 0.8
"""The share of a bin beyond which a request is one of its slowest."""


@dataclass(frozen=True)
class Bin:
    """Requests that found alike.

    Attributes:
        slow_s: from how many seconds on one of them is slow.
        usual: the times in seconds, ascending, of those that came after one that was not.
        after_slow: of those that came after one that was.
    """

    slow_s: float
    usual: list[float]
    after_slow: list[float]


@dataclass(frozen=True)
class Durations:
    """The tables of one run.

    Attributes:
        edges: for each number of others found, the lower edges in seconds of its bins but the first one.
        bins: for each number of others found, its bins.
    """

    edges: tuple[list[float], ...]
    bins: tuple[tuple[Bin, ...], ...]

    @classmethod
    def of(cls, observed: Observed) -> Durations:
        """Make the tables of a run with one request or more.

        Numbers of others that few requests found, or more, are put together with the next lower one.
        What is found beyond the last number, or beyond the last bin, is as if those were found.
        """
        edges, places = [], []
        slow = np.zeros(len(observed.found), dtype=bool)
        groups = _groups(observed.found)
        for group in groups:
            cuts = _edges(observed.free_s[group])
            place = np.searchsorted(cuts, observed.free_s[group], side="right")
            edges.append(cuts.tolist())
            places.append([group[place == number] for number in range(len(cuts) + 1)])
            for inside in places[-1]:
                took_s = observed.took_s[inside]
                slow[inside] = took_s >= _slow_s(took_s)
        after = np.concatenate([[False], slow[:-1]])
        bins = tuple(tuple(_bin(observed.took_s[inside], after[inside]) for inside in each) for each in places)
        return cls(tuple(edges), bins)

    def bin(self, found: int, free_s: float) -> Bin:
        """The requests that found this."""
        number = min(found, len(self.bins) - 1)
        return self.bins[number][bisect_right(self.edges[number], free_s)]


def _bin(took_s: np.ndarray, after_slow: np.ndarray) -> Bin:
    """Where none came after a slow one, or all did, there is no difference to be known."""
    parts = [np.sort(took_s[part]).tolist() for part in (~after_slow, after_slow)]
    usual, slow = parts[0] or parts[1], parts[1] or parts[0]
    return Bin(_slow_s(took_s), usual, slow)


def _slow_s(took_s: np.ndarray) -> float:
    return float(np.quantile(took_s, SLOW, method="higher"))


def _groups(found: np.ndarray) -> list[np.ndarray]:
    """Which requests belong to each number of others found, as places; to the last one, those that found more too."""
    last = 0
    deep = max(DEEP, DEEP_SHARE * len(found))
    while np.count_nonzero(found > last) >= (deep if last else BUSY):
        last += 1
    groups = [np.flatnonzero(found == number) for number in range(last)] + [np.flatnonzero(found >= last)]
    # What nobody found, but more was: an idle replica in a run that never left it one, a queue that leaps in length.
    for number in reversed(range(last)):
        if not len(groups[number]):
            groups[number] = groups[number + 1]
    return groups


def _edges(free_s: np.ndarray) -> np.ndarray:
    """The lower edges of bins of equal counts, without the first: values that there are, so that no bin is empty."""
    count = max(1, min(MOST_BINS, len(free_s) // BIN))
    cuts = np.unique(np.quantile(free_s, np.arange(1, count) / count, method="inverted_cdf"))
    above: np.ndarray = cuts[cuts > free_s.min()]
    return above
