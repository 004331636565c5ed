"""A replica whose core is not always as fast: its model at full speed, and how slow the core was when.

What a request takes is taken to be ``slowness ** exponent`` times as long as at full speed, the slowness being the CPU
time of a fixed piece of work (``tailbed.experiment.sampling.speed``) over that at full speed. Work that waits for
memory or for the kernel is slowed down otherwise than that piece is; the exponent is the deployment's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from loadtest import records
from loadtest.records import Records
from tailbed.experiment import sampling
from tailbed.planning.fleet import ReplicaModel
from tailbed.planning.fleet.durations import Durations
from tailbed.planning.fleet.observation import Observed, observe
from tailbed.planning.fleet.replica_model import Level
from tailbed.planning.fleet.simulation import Draw

FULL: Final = 0.05
"""The share of all readings that are of full speed or faster."""
STEP_S: Final = 0.1
PRIOR: Final = 100


@dataclass(frozen=True)
class Run:
    """What a run left behind.

    Attributes:
        found: the raw records.
        read_ns: int64 ``[readings]``, when the speed of the server's core was read, CLOCK_MONOTONIC, ascending.
        work_ns: ``[readings]``, the CPU time of the piece of work; the mean over the cores.
    """

    found: Records
    read_ns: np.ndarray
    work_ns: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> Run:
        samples = sampling.read(folder / sampling.NAME)
        series = [samples.series("work_ns", core) for core in samples.subjects("work_ns")]
        return cls(records.read(folder / records.NAME), series[0][0], np.mean([work for _, work in series], axis=0))

    def slowness(self, full_ns: float, at_s: np.ndarray) -> np.ndarray:
        """Of the core, at times in seconds since the start of the load: that of the reading next to it."""
        between_ns = (self.read_ns[1:] + self.read_ns[:-1]) / 2 - self.found.facts.load_start_ns
        slowness: np.ndarray = (self.work_ns / full_ns)[np.searchsorted(between_ns / 1e9, at_s)]
        return slowness

    def in_window(self) -> np.ndarray:
        """The readings inside of the measured window."""
        facts = self.found.facts
        inside: np.ndarray = self.work_ns[
            (self.read_ns >= facts.window_start_ns) & (self.read_ns < facts.window_end_ns)
        ]
        return inside


def full_speed(runs: Sequence[Run]) -> float:
    """The CPU time in nanoseconds of the piece of work on an undivided core."""
    return float(np.quantile(np.concatenate([run.work_ns for run in runs]), FULL))


@dataclass(frozen=True)
class AtFullSpeed:
    """What a replica does on a core at full speed, and how much of the core's slowness it feels."""

    model: ReplicaModel
    full_ns: float
    exponent: float

    @classmethod
    def fit(cls, levels: Mapping[str, Sequence[Run]], full_ns: float) -> AtFullSpeed:
        """Of runs by level, the levels in ascending order."""
        plain = ReplicaModel.fit([run.found for runs in levels.values() for run in runs])
        seen = {
            level: [(observe(run.found, plain.servers, plain.interruption_s), _at(run, full_ns)) for run in runs]
            for level, runs in levels.items()
        }
        exponent = _exponent([each for runs in seen.values() for each in runs])
        fitted = [
            Level(
                float(np.mean([observed.rate for observed, _ in runs])),
                tuple(
                    Durations.of(replace(observed, took_s=observed.took_s / slowness**exponent))
                    for observed, slowness in runs
                ),
            )
            for runs in seen.values()
        ]
        return cls(replace(plain, levels=tuple(fitted)), full_ns, exponent)

    def beside(self, run: Run, sent_s: np.ndarray) -> Slowed:
        """The replica on the core as it was in a run, for arrivals at these times since the start of its load."""
        return Slowed(self, run, sent_s)


@dataclass(frozen=True)
class Slowed:
    """One replica, to be simulated once with the arrivals that it was made for."""

    full: AtFullSpeed
    run: Run
    sent_s: np.ndarray

    @property
    def servers(self) -> int:
        return self.full.model.servers

    @property
    def interruption_s(self) -> float:
        return self.full.model.interruption_s

    def draws(self, rate: float, rng: np.random.Generator) -> Draw:
        draw = self.full.model.draws(rate, rng)
        arrivals = iter(self.sent_s.tolist())
        grid_s = np.arange(0.0, self.sent_s[-1] + 120, STEP_S)
        slower = (self.run.slowness(self.full.full_ns, grid_s) ** self.full.exponent).tolist()

        def slowed(found: int, free_s: float) -> float:
            starts_s = next(arrivals) + max(-free_s, 0.0)
            factor: float = slower[min(int(starts_s / STEP_S), len(slower) - 1)]
            return draw(found, free_s) * factor

        return slowed


def _at(run: Run, full_ns: float) -> np.ndarray:
    """The slowness of the core when each observed request was sent, in the order of sending."""
    found = run.found
    sent = found.sent_ns > 0
    order = np.argsort(found.sent_ns[sent], kind="stable")
    measured = (~found.warmup & (found.outcome == records.Outcome.OK))[sent][order]
    sent_s = (found.sent_ns[sent][order][measured] - found.facts.load_start_ns) / 1e9
    return run.slowness(full_ns, sent_s)


def _exponent(seen: Sequence[tuple[Observed, np.ndarray]]) -> float:
    """By least squares on the logarithms, of requests that found the replica idle: the others overlap in part.

    It is 1 before anything is known of it, and that counts as much as ``PRIOR`` requests at half of the speed would,
    so that a core that hardly ever changes its speed gives no number made of noise.
    """
    products = squares = PRIOR * np.log(2) ** 2
    for observed, slowness in seen:
        idle = (observed.free_s >= 0) & (observed.took_s > 0)
        x, y = np.log(slowness[idle]), np.log(observed.took_s[idle])
        products += np.sum((x - x.mean()) * (y - y.mean()))
        squares += np.sum((x - x.mean()) ** 2)
    return float(products / squares)
