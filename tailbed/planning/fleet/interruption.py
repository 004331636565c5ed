"""By how much a request that comes while another one is computed delays it.

A frontend reads a request as soon as it comes. Where it has the cores of the model, what is computed waits meanwhile;
the request itself has that work behind it when its turn comes. All in all nothing is gained or lost, but it is just the
requests that others come to which take longer: queues grow beyond those of the same times drawn independently.

Arrivals after a request's start know nothing of how long it would take. So among requests that found the replica idle,
those to which another one came soon after their start would take as long as those to which none did, and what they
took longer is the other one's doing. Soon is a time that nearly all of them take: later ones come to long requests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
"""Standard errors by which an interruption must be above none."""


@dataclass(frozen=True)
class Arrived:
    """One run, in the order of sending.

    Attributes:
        sent_s: float ``[requests]``, when each was sent, in seconds.
        took_s: float ``[requests]``, how long each kept the replica.
        idle: bool ``[requests]``, whether it counts and found the replica idle.
    """

    sent_s: np.ndarray
    took_s: np.ndarray
    idle: np.ndarray


def interruption(runs: Sequence[Arrived]) -> float:
    """The seconds by which one request delays another one; 0 where the runs show none.

    The mean over the runs, each weighted by how well it knows.
    """
    found = [each for each in map(_longer, runs) if each is not None]
    weight = sum(each.weight for each in found)
    if not found:
        return 0.0
    mean_s = sum(each.weight * each.longer_s for each in found) / weight
    error_s = math.sqrt(sum(each.weight * each.variance for each in found)) / weight
    return mean_s if mean_s > SURE * error_s else 0.0


def uninterrupted(
    sent_s: np.ndarray, free_s: np.ndarray, took_s: np.ndarray, interruption_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """What each request found, and how long it kept the server, had no later one come.

    Args:
        sent_s: float ``[requests]``, ascending, when each was sent, in seconds.
        free_s: float ``[requests]``, for how long the server had been free then, or, negative, until when it was not.
        took_s: float ``[requests]``, how long each kept it.
        interruption_s: by how much one delays another one.
    """
    free_at = sent_s - free_s
    start_s = np.maximum(sent_s, free_at)
    # Of two that share a core the shorter one is delayed by as much as it takes itself: half of what it then takes.
    delays_s = np.minimum(interruption_s, np.maximum(-free_s, 0) / 2)
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


def _longer(run: Arrived) -> _Longer | None:
    """How much longer a run's requests took to which another one came soon; None where none did, or one to all."""
    places = np.flatnonzero(run.idle)
    if not len(places):
        return None
    took_s = run.took_s[places]
    soon_s = run.sent_s[places] + np.quantile(took_s, SOON)
    came = np.searchsorted(run.sent_s, soon_s, side="right") - places - 1
    some = came > 0
    if min(np.count_nonzero(some), np.count_nonzero(~some)) < FEWEST:
        return None
    # Each part by itself: the longest of all are those that are interrupted.
    with_s, without_s = (np.minimum(took_s[part], np.quantile(took_s[part], LONGEST)) for part in (some, ~some))
    longer_s = float(with_s.mean() - without_s.mean()) / float(came[some].mean())
    # What takes longer has more come to it: of the difference a share of their rate times itself is that.
    rate = len(run.sent_s) / (run.sent_s[-1] - run.sent_s[0])
    return _Longer(
        longer_s / (1 + rate * max(longer_s, 0.0)),
        float(with_s.var() + without_s.var()) / 2,
        len(with_s) * len(without_s) / len(places),
    )
