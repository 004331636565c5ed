"""By how much a request that comes while another one is computed delays it.

A frontend reads a request as soon as it comes. Where it has the cores of the model, what is computed waits meanwhile;
the request itself has that work behind it when its turn comes. All in all nothing is gained or lost, but it is just the
requests that others come to which take longer: queues grow beyond those of the same times drawn independently.

Arrivals after a request's start know nothing of how long it would take. So among requests that found alike, those to
which one came soon after their start would take as long as those to which none did, and what they took longer is the
other one's doing. Soon is a time that nearly all of them take: later ones come to long requests. How many wait
meanwhile is told apart: a frontend that is kept busy reads several requests at once, and each for less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

SOON: Final = 0.05
"""The share of the requests that may take less than the time in which another one comes soon."""
LONGEST: Final = 0.95
"""Times beyond this share count as this one: rare stalls would decide the mean of a few hundred requests."""
FEWEST: Final = 20
"""Requests of a run, of either kind, from which on it is looked at."""
SURE: Final = 3.0
"""Standard errors by which an interruption must be above none, and those of one that finds more must be below it."""
MOST: Final = 3
"""The highest number of others found that is told apart."""


@dataclass(frozen=True)
class Arrived:
    """One run on one server, in the order of sending.

    Attributes:
        sent_s: float ``[requests]``, when each was sent, in seconds.
        free_s: float ``[requests]``, for how long the server had been free then; negative: until when it was not.
        took_s: float ``[requests]``, how long each kept the server.
        counts: bool ``[requests]``, whether it is to be looked at.
    """

    sent_s: np.ndarray
    free_s: np.ndarray
    took_s: np.ndarray
    counts: np.ndarray


def interruption(runs: Sequence[Arrived]) -> tuple[float, ...]:
    """The seconds by which a request delays one that is computed: where it finds that alone, with one more, and so on.

    The last also where it finds more; none where the runs show no interruption. Each is the mean over the runs,
    weighted by how well each knows; the one before where they do not know it well enough.
    """
    found: list[float] = []
    for number in range(1, MOST + 1):
        known = [longer for run in runs for longer in _longer(run, number)]
        mean_s, error_s = _mean(known) if known else (0.0, math.inf)
        if not found and mean_s <= SURE * error_s:
            return ()
        sure = not found or SURE * error_s <= found[-1]
        found.append(max(mean_s, 0.0) if sure else found[-1])
    return tuple(found)


def _mean(known: Sequence[_Longer]) -> tuple[float, float]:
    """And its standard error."""
    weight = sum(each.weight for each in known)
    mean_s = sum(each.weight * each.longer_s for each in known) / weight
    return mean_s, math.sqrt(sum(each.weight * each.variance for each in known)) / weight


def uninterrupted(
    sent_s: np.ndarray, found: np.ndarray, free_s: np.ndarray, took_s: np.ndarray, interruption_s: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """What each request found, and how long it kept the server, had no later one come.

    Args:
        sent_s: float ``[requests]``, ascending, when each was sent, in seconds.
        found: int ``[requests]``, how many others were there then.
        free_s: float ``[requests]``, for how long the server had been free then, or, negative, until when it was not.
        took_s: float ``[requests]``, how long each kept it.
        interruption_s: by how much one delays another one, by how many it finds.
    """
    free_at = sent_s - free_s
    start_s = np.maximum(sent_s, free_at)
    # Of two that share a core the shorter one is delayed by as much as it takes itself: half of what it then takes.
    by_found_s = np.array([0.0, *interruption_s])[np.minimum(found, len(interruption_s))]
    delays_s = np.minimum(by_found_s, np.maximum(-free_s, 0) / 2)
    before_s = np.concatenate([[0.0], np.cumsum(delays_s)])

    def delayed_s(after: np.ndarray, before: np.ndarray) -> np.ndarray:
        places = (np.searchsorted(sent_s, after, side="right"), np.searchsorted(sent_s, before, side="left"))
        delayed: np.ndarray = np.maximum(before_s[places[1]] - before_s[places[0]], 0)
        return delayed

    waits = free_s < 0
    found_s = np.where(waits, np.minimum(free_s + delayed_s(sent_s, free_at), 0.0), free_s)
    return found_s, took_s - delayed_s(start_s, start_s + took_s)


@dataclass(frozen=True)
class _Longer:
    longer_s: float
    variance: float
    weight: float


def _longer(run: Arrived, number: int) -> Iterator[_Longer]:
    """How much longer a run's requests took to which another one came soon, which found so many or, at last, more.

    Of those that had found the server idle and those that had waited apart, which take differently long. Nothing where
    too few are known that another one came to, or none.
    """
    waits = run.free_s < 0
    start_s = run.sent_s - np.minimum(run.free_s, 0.0)
    wait = np.searchsorted(run.sent_s, start_s, side="right") - np.arange(len(run.sent_s)) - 1
    alike = run.counts & (np.minimum(wait, MOST - 1) == number - 1)
    rate = len(run.sent_s) / float(run.sent_s[-1] - run.sent_s[0])
    for places in (np.flatnonzero(alike & ~waits), np.flatnonzero(alike & waits)):
        if not len(places):
            continue
        took_s = run.took_s[places]
        soon_s = start_s[places] + np.quantile(took_s, SOON)
        came = np.searchsorted(run.sent_s, soon_s, side="right") - places - 1 - wait[places]
        parts = [took_s[came == count] for count in (1, 0)]
        if min(map(len, parts)) < FEWEST:
            continue
        # Each part by itself: the longest of all are those that are interrupted.
        with_s, without_s = (np.minimum(part, np.quantile(part, LONGEST)) for part in parts)
        longer_s = float(with_s.mean() - without_s.mean())
        # What takes longer has more come to it: of the difference a share of their rate times itself is that.
        yield _Longer(
            longer_s / (1 + rate * max(longer_s, 0.0)),
            float(with_s.var() + without_s.var()) / 2,
            len(with_s) * len(without_s) / (len(with_s) + len(without_s)),
        )
