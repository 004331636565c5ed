"""Cores that are not always as fast: how slow they were when, and how much of that requests feel.

What a request takes is taken to be ``slowness ** exponent`` times as long as at full speed. The slowness is the CPU
time of a fixed piece of work on the server's cores over that at full speed; work that waits for memory or for the
kernel is slowed down otherwise than that piece, so the exponent is the deployment's own. A model that keeps the two
apart knows slow times as long as they were: drawn independently, the same times make shorter queues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tailbed.planning.fleet.observation import Observed

FULL: Final = 0.05
"""The share of all readings that are of full speed or faster."""
STEP_S: Final = 0.1
PRIOR: Final = 100
"""Requests at half of the speed that the exponent's being 0 counts as much as, before anything is known of it: where a
core hardly ever changes its speed, a number would be made of noise, and nothing is taken to be felt."""


@dataclass(frozen=True)
class Readings:
    """Of one run.

    Attributes:
        time_s: float ``[readings]``, ascending, in seconds since the start of the load.
        work: float ``[readings]``, the CPU time of the piece of work, in any unit.
    """

    time_s: np.ndarray
    work: np.ndarray


@dataclass(frozen=True)
class Slowness:
    """Of the server's cores in one run: 1 at full speed, 2 at half of it.

    Attributes:
        factor: float ``[steps]``, in steps of 0.1 s since the start of the load: that of the reading next to each.
    """

    factor: np.ndarray

    def at(self, time_s: np.ndarray) -> np.ndarray:
        """The slowness at times in seconds since the start of the load; beyond the last reading, as there."""
        steps = np.clip((time_s / STEP_S).astype(np.int64), 0, len(self.factor) - 1)
        factor: np.ndarray = self.factor[steps]
        return factor


ALWAYS_AS_FAST: Final = Slowness(np.ones(1))


def slowness(runs: Sequence[Readings]) -> list[Slowness]:
    """Of each run, full speed being that of the fastest readings of them all; each has one reading or more."""
    full = np.quantile(np.concatenate([run.work for run in runs]), FULL)
    return [_over_time(run, float(full)) for run in runs]


def _over_time(run: Readings, full: float) -> Slowness:
    middles_s = (run.time_s[1:] + run.time_s[:-1]) / 2
    steps_s = np.arange(0.0, max(float(run.time_s[-1]), STEP_S), STEP_S)
    return Slowness(run.work[np.searchsorted(middles_s, steps_s)] / full)


def exponent(seen: Sequence[tuple[Observed, Slowness]]) -> float:
    """How much of the slowness requests feel: 0 where none of it, 1 where all.

    By least squares on the logarithms, within each run, of requests that found the replica idle: what others keep it
    for overlaps with those before them.
    """
    products, squares = 0.0, PRIOR * np.log(2) ** 2
    for observed, slow in seen:
        idle = (observed.free_s >= 0) & (observed.took_s > 0)
        if not idle.any():
            continue
        x, y = np.log(slow.at(observed.start_s[idle])), np.log(observed.took_s[idle])
        products += np.sum((x - x.mean()) * (y - y.mean()))
        squares += np.sum((x - x.mean()) ** 2)
    return max(0.0, float(products / squares))
