"""Discrete events: requests arrive, a balancer gives each to a replica, replicas answer.

Each replica is one queue, first come first served, with as many servers as the model says. A request starts when the
first of them is free and keeps it for what the model draws for what it found (see ``durations``). One that comes while
another is computed delays all that are there (see ``interruption``). Nothing is lost, and nobody gives up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from typing import Protocol

import numpy as np

from tailbed.planning.fleet.balancing import choice
from tailbed.results.decisions.plan import Balancer

Draw = Callable[[int, float, float], float]
"""How long a request keeps a server, in seconds, that finds so many others in the replica and a server that has been
free for so many seconds, or is to be busy for as many more where that is negative; and has it from so many seconds on,
on the axis of the arrivals."""


class Replica(Protocol):
    """What is simulated."""

    @property
    def servers(self) -> int:
        """How many requests it computes at the same time."""
        ...

    @property
    def interruption_s(self) -> tuple[float, ...]:
        """By how many seconds a request delays those that it finds: where that is one, where it is two, and so on.

        The last also where it is more; none where it does not delay them, as with several servers.
        """
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
    begin_s, end_s = float(arrivals_s[0]), float(arrivals_s[-1])
    share = (len(arrivals_s) - 1) / (end_s - begin_s) / replicas
    queues = [_Queue(replica, replica.draws(share, rng), begin_s) for _ in range(replicas)]
    before = choice(balancer, replicas, rng)
    # Of each request that is there: when it leaves, as far as is known; its replica, and the delays known of it; which.
    leaving: list[tuple[float, int, float, int]] = []
    done_s, chosen = np.empty(len(arrivals_s)), []

    def leave(until_s: float) -> None:
        """Let go who is done by then."""
        while leaving and leaving[0][0] <= until_s:
            done, one, known_s, number = heappop(leaving)
            delayed_s = queues[one].delayed_s
            if delayed_s > known_s:
                heappush(leaving, (done + delayed_s - known_s, one, delayed_s, number))
                continue
            done_s[number] = done
            queues[one].inside -= 1
            before.left(one)

    for number, now in enumerate(arrivals_s.tolist()):
        leave(now)
        one = before.choose()
        done = queues[one].take(now)
        heappush(leaving, (done, one, queues[one].delayed_s, number))
        chosen.append(one)
    leave(np.inf)
    idle_s = sum(queue.idle_until(end_s) for queue in queues)
    busy = 1 - idle_s / ((end_s - begin_s) * replicas * replica.servers)
    return Simulated(done_s - arrivals_s, np.array(chosen), busy)


class _Queue:
    """The requests before the servers of one replica.

    Attributes:
        inside: how many are there.
        delayed_s: by how long a request would have been delayed that had been there from the beginning.
    """

    def __init__(self, replica: Replica, draw: Draw, begin_s: float) -> None:
        self.inside = 0
        self.delayed_s = 0.0
        self._interruption_s = replica.interruption_s
        self._draw = draw
        self._begin_s = begin_s
        self._free_at = [-np.inf] * replica.servers
        self._idle_s = 0.0

    def take(self, now: float) -> float:
        """A request comes; returns when it leaves, if nobody delays it."""
        free_at = self._free_at
        if self.inside and self._interruption_s:
            # Of two that share a core the shorter one is delayed by as much as it takes itself.
            by_found_s = self._interruption_s[min(self.inside, len(self._interruption_s)) - 1]
            delay_s = min(by_found_s, max(free_at[0] - now, 0.0))
            free_at[0] += delay_s
            self.delayed_s += delay_s
        free_s = now - free_at[0]
        self._idle_s += max(now - max(free_at[0], self._begin_s), 0.0)
        start_s = max(now, free_at[0])
        done = start_s + self._draw(self.inside, free_s, start_s)
        heapreplace(free_at, done)
        self.inside += 1
        return done

    def idle_until(self, end_s: float) -> float:
        """For how many seconds its servers had nothing to do until then, together."""
        return self._idle_s + sum(max(end_s - max(free_at, self._begin_s), 0.0) for free_at in self._free_at)
