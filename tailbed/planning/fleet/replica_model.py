"""What one replica does under load, learned from its raw records."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from loadtest.records import Records
from models import TailbedError
from tailbed.planning.fleet.core_speed import ALWAYS_AS_FAST, STEP_S, Slowness, exponent
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
        interruption_s: by how many seconds a request that comes while another one is computed delays it, by how many
            it finds; known of one server only.
        levels: the rates that it was measured at, ascending; the times are those at full speed where the cores' speed
            is known.
        exponent: how much of its cores' slowness it feels.
        cores: how slow its cores are over time: one of these, in every simulated process; always as fast where there is
            none.
        in_step: whether that begins where the simulated arrivals do, or anywhere.
    """

    servers: int
    interruption_s: tuple[float, ...]
    levels: tuple[Level, ...]
    exponent: float = 0.0
    cores: tuple[Slowness, ...] = ()
    in_step: bool = False

    @classmethod
    def fit(
        cls, runs: Sequence[Records], *, servers: int | None = None, cores: Sequence[Slowness] = ()
    ) -> ReplicaModel:
        """Learn a replica from open-loop runs at one rate or more.

        Give it runs that are VALID and not disturbed: a stall of the machine is to it one of the server. A closed loop
        of one client is looked at only where there is nothing else; it knows no queue. Closed loops of more clients
        show a queue that no open loop has, and are not for this.

        Args:
            runs: the raw records, of fresh processes of one deployment.
            servers: how many requests the replica computes at the same time, such as its instances; None tells it from
                the order of the answers.
            cores: how slow the server's cores were in each of the runs; none where that is not known of all.

        Raises:
            NothingToLearn: fewer than 100 requests were answered.
        """
        known = cores or [ALWAYS_AS_FAST] * len(runs)
        pairs = [pair for pair in zip(runs, known, strict=True) if np.count_nonzero(pair[0].sent_ns > 0)]
        sent = [run for run, _ in pairs]
        count = servers or (servers_of(sent) if sent else 1)
        interruption_s = interruption([arrived(run) for run in sent]) if count == 1 else ()
        observed = [(observe(run, count, interruption_s), slow) for run, slow in pairs]
        observed = [pair for pair in observed if len(pair[0].found)]
        open_loop = [pair for pair in observed if not pair[0].alone] or observed
        answered = sum(len(one.found) for one, _ in open_loop)
        if answered < BIN:
            raise NothingToLearn(f"{answered} answered requests: a replica is learned from {BIN} or more")
        felt = exponent(open_loop)
        at_full_speed = [replace(one, took_s=one.took_s / slow.at(one.start_s) ** felt) for one, slow in open_loop]
        measured_on = tuple(slow for _, slow in open_loop) if cores else ()
        return cls(count, interruption_s, tuple(_levels(at_full_speed)), felt, measured_on)

    def on(self, cores: Sequence[Slowness]) -> ReplicaModel:
        """The same on cores that are as slow as one of these, from the beginning of the arrivals on."""
        return replace(self, cores=tuple(cores), in_step=True)

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
        slower, first = self._slower(rng)

        def draw(found: int, free_s: float, start_s: float) -> float:
            nonlocal slow
            alike = (above if share == 1.0 or next(chance) < share else below).bin(found, free_s)
            times_s = alike.after_slow if slow else alike.usual
            took_s = times_s[int(next(chance) * len(times_s))]
            slow = took_s >= alike.slow_s
            return took_s * slower[(first + int(start_s / STEP_S)) % len(slower)]

        return draw

    def _slower(self, rng: np.random.Generator) -> tuple[list[float], int]:
        """How much longer requests take on the cores of one simulated process, in steps over time that come again.

        And with which of the steps it begins.
        """
        if not self.cores:
            return [1.0], 0
        factor = self.cores[rng.integers(len(self.cores))].factor
        return (factor**self.exponent).tolist(), 0 if self.in_step else int(rng.integers(len(factor)))

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
