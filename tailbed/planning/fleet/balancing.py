"""Which replica a load balancer gives a request to."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from tailbed.results.decisions.plan import Balancer

BALANCERS: Final[tuple[Balancer, ...]] = ("random", "round-robin", "least-outstanding")
_CHUNK: Final = 65_536


class Choice(Protocol):
    """A balancer before some replicas, numbered from 0."""

    def choose(self) -> int:
        """The replica of the next request, which is there from now on."""
        ...

    def left(self, replica: int) -> None:
        """A request of this replica is answered."""
        ...


def choice(balancer: Balancer | None, replicas: int, rng: np.random.Generator) -> Choice:
    """The balancer of this name; None for the one replica that has none."""
    if replicas == 1:
        return _RoundRobin(1)
    match balancer:
        case "random":
            return _Random(replicas, rng)
        case "round-robin":
            return _RoundRobin(replicas)
        case "least-outstanding":
            return _LeastOutstanding(replicas, rng)
        case None:
            raise ValueError(f"{replicas} replicas need a balancer")


class _Random:
    """Each one as likely, whatever it has to do."""

    def __init__(self, replicas: int, rng: np.random.Generator) -> None:
        self._replicas = replicas
        self._rng = rng
        self._drawn: list[int] = []

    def choose(self) -> int:
        if not self._drawn:
            self._drawn = self._rng.integers(self._replicas, size=_CHUNK).tolist()
        return self._drawn.pop()

    def left(self, replica: int) -> None:
        pass


class _RoundRobin:
    """One after the other."""

    def __init__(self, replicas: int) -> None:
        self._replicas = replicas
        self._next = 0

    def choose(self) -> int:
        chosen = self._next
        self._next = (chosen + 1) % self._replicas
        return chosen

    def left(self, replica: int) -> None:
        pass


class _LeastOutstanding:
    """One of those that have the fewest requests, each as likely: join the shortest queue.

    The replicas are kept by how many they have, so that a choice takes as long among a thousand as among two.
    """

    def __init__(self, replicas: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn: list[float] = []
        self._having: list[list[int]] = [list(range(replicas))]
        self._count = [0] * replicas
        self._place = list(range(replicas))
        self._fewest = 0

    def choose(self) -> int:
        if not self._drawn:
            self._drawn = self._rng.random(_CHUNK).tolist()
        fewest = self._having[self._fewest]
        chosen = fewest[int(self._drawn.pop() * len(fewest))]
        self._move(chosen, 1)
        if not fewest:
            self._fewest += 1
        return chosen

    def left(self, replica: int) -> None:
        self._move(replica, -1)
        self._fewest = min(self._fewest, self._count[replica])

    def _move(self, replica: int, by: int) -> None:
        before = self._having[self._count[replica]]
        last = before.pop()
        if last != replica:
            before[self._place[replica]] = last
            self._place[last] = self._place[replica]
        self._count[replica] += by
        if self._count[replica] == len(self._having):
            self._having.append([])
        after = self._having[self._count[replica]]
        self._place[replica] = len(after)
        after.append(replica)
