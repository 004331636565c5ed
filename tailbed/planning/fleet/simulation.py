"""Discrete events: requests arrive, a balancer gives each to a replica, replicas answer.

Each replica is one queue, first come first served, with as many servers as the model says. A request starts when the
first of them is free and keeps it for what the model draws for what it found (see ``durations``). Nothing is lost, and
nobody gives up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from typing import Protocol

import numpy as np

from tailbed.planning.fleet.balancing import choice
from tailbed.results.decisions.plan import Balancer

Draw = Callable[[int, float], float]
"""How long a request keeps a server, in seconds, that finds so many others in the replica and a server that has been
free for so many seconds, or is to be busy for as many more where that is negative."""


class Replica(Protocol):
    """What is simulated."""

    @property
    def servers(self) -> int:
        """How many requests it computes at the same time."""
        ...

    def draws(self, rate: float, rng: np.random.Generator) -> Draw:
        """The times of one fresh process, under a mean of ``rate`` requests a second."""
        ...


@dataclass(frozen=True)
class Simulated:
    """One run.

    Attributes:
        response_s: float ``[requests]``, by arrival.
        replica: int ``[requests]``, which replica answered, from 0.
        busy: share of the time from the first arrival to the last that a server was kept by a request, over all.
    """

    response_s: np.ndarray
    replica: np.ndarray
    busy: float


def simulate(
    replica: Replica, arrivals_s: np.ndarray, replicas: int, balancer: Balancer | None, rng: np.random.Generator
) -> Simulated:
    """Simulate one run of equal replicas that begin idle.

    Args:
        replica: what each of them is.
        arrivals_s: float ``[requests]``, ascending, at least two.
        replicas: how many there are.
        balancer: what stands before them; None for one replica alone.
        rng: decides all that chance does.
    """
    length_s = float(arrivals_s[-1] - arrivals_s[0])
    share = (len(arrivals_s) - 1) / length_s / replicas
    draws = [replica.draws(share, rng) for _ in range(replicas)]
    before = choice(balancer, replicas, rng)
    free = [[-np.inf] * replica.servers for _ in range(replicas)]
    inside = [0] * replicas
    leaving: list[tuple[float, int]] = []
    responses, chosen, kept_s = [], [], 0.0
    end_s = float(arrivals_s[-1])
    for now in arrivals_s.tolist():
        while leaving and leaving[0][0] <= now:
            gone = heappop(leaving)[1]
            inside[gone] -= 1
            before.left(gone)
        one = before.choose()
        servers = free[one]
        free_s = now - servers[0]
        start = now if free_s >= 0 else servers[0]
        took_s = draws[one](inside[one], free_s)
        done = start + took_s
        heapreplace(servers, done)
        heappush(leaving, (done, one))
        inside[one] += 1
        responses.append(done - now)
        chosen.append(one)
        kept_s += max(0.0, min(done, end_s) - start)
    busy = kept_s / (length_s * replicas * replica.servers)
    return Simulated(np.array(responses), np.array(chosen), busy)
