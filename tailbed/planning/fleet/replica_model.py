"""What one replica does under load, learned from its raw records."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from loadtest.records import Records
from models import TailbedError
from tailbed.planning.fleet.durations import BIN, Durations
from tailbed.planning.fleet.interruption import interruption
from tailbed.planning.fleet.observation import Observed, arrived, observe, servers_of
from tailbed.planning.fleet.simulation import Draw

ALIKE: Final = 1.05
"""Runs whose rates differ by less than this factor are of one level: those of a Poisson process do by chance."""


_CHUNK: Final = 4096


class NothingToLearn(TailbedError):
    """Records that no replica can be learned from."""


@dataclass(frozen=True)
class Level:
    """Runs at one rate.

    Attributes:
        rate: requests a second, over the runs.
        runs: how long requests kept the replica in each of them.
    """

    rate: float
    runs: tuple[Durations, ...]


@dataclass(frozen=True)
class ReplicaModel:
    """One replica: how long a request keeps it, by what it finds there and by the load.

    Attributes:
        servers: how many requests it computes at the same time.
        interruption_s: by how many seconds a request that comes while another one is computed delays it; known of
            one server only.
        levels: the rates that it was measured at, ascending.
    """

    servers: int
    interruption_s: float
    levels: tuple[Level, ...]

    @classmethod
    def fit(cls, runs: Sequence[Records], *, servers: int | None = None) -> ReplicaModel:
        """Learn a replica from open-loop runs at one rate or more.

        Give it runs that are VALID and not disturbed: a stall of the machine is to it one of the server. A closed loop
        of one client is looked at only where there is nothing else; it knows no queue. Closed loops of more clients
        show a queue that no open loop has, and are not for this.

        Args:
            runs: the raw records, of fresh processes of one deployment.
            servers: how many requests the replica computes at the same time, such as its instances; None tells it from
                the order of the answers.

        Raises:
            NothingToLearn: fewer than 100 requests were answered.
        """
        sent = [run for run in runs if np.count_nonzero(run.sent_ns > 0)]
        count = servers or (servers_of(sent) if sent else 1)
        interruption_s = interruption([arrived(run) for run in sent]) if count == 1 else 0.0
        observed = [one for one in (observe(run, count, interruption_s) for run in sent) if len(one.found)]
        open_loop = [one for one in observed if not one.alone] or observed
        answered = sum(len(one.found) for one in open_loop)
        if answered < BIN:
            raise NothingToLearn(f"{answered} answered requests: a replica is learned from {BIN} or more")
        return cls(count, interruption_s, tuple(_levels(open_loop)))

    def draws(self, rate: float, rng: np.random.Generator) -> Draw:
        """The times of one simulated process at ``rate`` requests a second.

        They are those of one run of the level next below the rate and of one of the level next above, each as often as
        it is near on the logarithm; beyond all levels, of the last one. Which of a level's runs that is, ``rng``
        decides: a run is one process, and the next process may be another.
        """
        low, high, share = self._between(rate)
        below, above = (level.runs[rng.integers(len(level.runs))] for level in (low, high))
        chance = _uniform(rng)
        slow = False

        def draw(found: int, free_s: float) -> float:
            nonlocal slow
            alike = (above if share == 1.0 or next(chance) < share else below).bin(found, free_s)
            times_s = alike.after_slow if slow else alike.usual
            took_s = times_s[int(next(chance) * len(times_s))]
            slow = took_s >= alike.slow_s
            return took_s

        return draw

    def _between(self, rate: float) -> tuple[Level, Level, float]:
        """The levels below and above a rate, and the share of the upper one."""
        rates = [level.rate for level in self.levels]
        above = min(bisect_left(rates, rate), len(rates) - 1)
        below = max(above - 1, 0)
        if not rates[below] < rate < rates[above]:
            nearest = self.levels[above if rate >= rates[above] else below]
            return nearest, nearest, 1.0
        share = math.log(rate / rates[below]) / math.log(rates[above] / rates[below])
        return self.levels[below], self.levels[above], share


def _levels(observed: Sequence[Observed]) -> list[Level]:
    levels: list[list[Observed]] = []
    for one in sorted(observed, key=lambda one: one.rate):
        if levels and one.rate < ALIKE * levels[-1][0].rate:
            levels[-1].append(one)
        else:
            levels.append([one])
    return [Level(float(np.mean([one.rate for one in runs])), tuple(map(Durations.of, runs))) for runs in levels]


def _uniform(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from rng.random(_CHUNK).tolist()
