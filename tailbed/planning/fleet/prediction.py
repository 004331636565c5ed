"""What a run of a fleet would show, and by how much the next run would differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from tailbed.analysis.percentiles import percentile
from tailbed.planning.fleet.simulation import Replica, simulate
from tailbed.results.decisions.plan import Balancer

Arrivals = Literal["poisson", "constant"]

REPETITIONS: Final = 40
"""Simulated runs: the ends of a 95% interval are then the second lowest and the second highest but nothing finer."""
CONFIDENCE: Final = 0.95
_WARM: Final = 0.1
"""Share of a run's requests that come before those that count: an idle fleet is not what a measured window begins
with."""


@dataclass(frozen=True)
class Predicted:
    """A percentile of the response times of a run.

    Attributes:
        estimate_ms: geometric mean over simulated runs, as the figure of a cell is over measured ones.
        low_ms, high_ms: between them lie 95% of the simulated runs: by so much one measured run would scatter.
        utilization: mean share of the time that a replica has a request in each of its servers, 0 to 1.
    """

    estimate_ms: float
    low_ms: float
    high_ms: float
    utilization: float


def predict(
    model: Replica,
    *,
    rate: float,
    replicas: int = 1,
    balancer: Balancer | None = None,
    arrivals: Arrivals = "poisson",
    share: float = 0.99,
    requests: int = 10_000,
    seed: int = 1,
    repetitions: int = REPETITIONS,
) -> Predicted:
    """Simulate runs at a rate and read a percentile of each.

    Args:
        model: one replica.
        rate: requests a second, of all replicas together.
        replicas: how many equal ones there are.
        balancer: what stands before them; None for one replica alone.
        arrivals: how requests arrive.
        share: of the requests that keep to the percentile, such as 0.99.
        requests: of each run, as many as the run has that this is compared with.
        seed: the same one gives the same answer.
        repetitions: how many runs.
    """
    figures, busy = [], []
    warm = round(_WARM * requests)
    for repetition in range(repetitions):
        rng = np.random.default_rng((seed, repetition))
        times_s = arrival_times(arrivals, rate, warm + requests, rng)
        run = simulate(model, times_s, replicas, balancer, rng)
        figures.append(1e3 * percentile(run.response_s[warm:], share))
        busy.append(run.busy)
    low, high = np.quantile(figures, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Predicted(float(np.exp(np.log(figures).mean())), float(low), float(high), float(np.mean(busy)))


def arrival_times(arrivals: Arrivals, rate: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """So many arrivals at a rate: float ``[count]``, in seconds."""
    if arrivals == "constant":
        return np.arange(1, count + 1) / rate
    times: np.ndarray = np.cumsum(rng.standard_exponential(count)) / rate
    return times
