"""When the next request is due: by a schedule, or when a client is free again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from time import monotonic_ns
from typing import Final, Protocol

import numpy as np

from loadtest.engine.flight import Flight
from loadtest.records import Outcome

NEVER: Final = 2**62
"""A due time that does not come."""

_BURST: Final = 4
"""Requests sent in a row when behind the schedule, before answers that have come meanwhile are read."""
PAUSE_NS: Final = 100_000_000
"""How long a client waits after it could not reach the server: a server that is down is not to be hammered."""
UNREACHABLE: Final = frozenset({Outcome.REFUSED, Outcome.RESET, Outcome.GRPC + 14})
"""Outcomes that say so."""


class Pacing(Protocol):
    """Offers requests to the flight.

    Attributes:
        wake: set by whoever calls ``pace``; asks for it to be called soon.
    """

    wake: Callable[[], None]

    def pace(self, now_ns: int) -> int:
        """Offer what is due, at least in part, and tell when to ask next; ``NEVER`` when nothing is to come."""
        ...

    def end(self, at_ns: int) -> None:
        """Offer nothing that is intended at ``at_ns`` or later."""
        ...

    def over(self) -> bool:
        """Whether all that is to be offered has been."""
        ...


class OpenLoop:
    """Offers requests at fixed times, however late it is and whatever the server does."""

    wake: Callable[[], None]

    def __init__(self, flight: Flight, times_ns: np.ndarray) -> None:
        """Take the schedule, int64 ``[arrivals]`` of CLOCK_MONOTONIC, ascending."""
        self._flight = flight
        self._following: np.ndarray | None = None
        self._begin(times_ns)

    def follow(self, at_ns: int, times_ns: np.ndarray) -> None:
        """From ``at_ns`` on, offer at these times instead, beginning with the pool's first item."""
        self.end(at_ns)
        self._following = times_ns

    def pace(self, now_ns: int) -> int:
        """See ``Pacing``."""
        for _ in range(_BURST):
            if self._next >= self._count:
                if self._following is None:
                    return NEVER
                self._begin(self._following)
                self._following = None
                self._flight.restart_pool()
                return now_ns
            due_ns = self._times_ns[self._next]
            if due_ns > now_ns:
                return due_ns
            self._next += 1
            self._flight.offer(due_ns)
        return now_ns

    def end(self, at_ns: int) -> None:
        """See ``Pacing``."""
        self._count = int(np.searchsorted(np.asarray(self._times_ns), at_ns))
        if self._following is not None:
            self._following = self._following[: np.searchsorted(self._following, at_ns)]

    def over(self) -> bool:
        """See ``Pacing``."""
        return self._next >= self._count and self._following is None

    def _begin(self, times_ns: np.ndarray) -> None:
        self._times_ns = times_ns.data  # indexing a memoryview makes a Python int at once
        self._count = len(times_ns)
        self._next = 0


class ClosedLoop:
    """Clients that each send their next request when the last one has ended, at once or after a pause."""

    wake: Callable[[], None]

    def __init__(
        self, flight: Flight, clients: int, start_ns: int, end_ns: int, pauses: Iterator[int] | None = None
    ) -> None:
        """Take how many clients there are and, if they pause, for how many nanoseconds before each request."""
        self._flight = flight
        self._clients = clients
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._pauses = pauses
        self._busy = 0
        # When each client that pauses will send: a heap, since later pauses may end earlier.
        self._pausing = sorted(start_ns + next(pauses) for _ in range(clients)) if pauses else []
        flight.ended = self._ended

    def change_clients(self, clients: int) -> None:
        """Have this many clients from now on; those to leave do so when their request has ended."""
        self._clients = clients
        self.wake()

    def pace(self, now_ns: int) -> int:
        """See ``Pacing``."""
        if now_ns < self._start_ns:
            return self._start_ns
        while self._pausing and self._pausing[0] <= now_ns:
            due_ns = heapq.heappop(self._pausing)
            if due_ns < self._end_ns and self._present < self._clients:
                self._send(due_ns)
        if now_ns >= self._end_ns:
            return NEVER
        while self._present < self._clients:
            self._send(monotonic_ns())
        return self._pausing[0] if self._pausing else NEVER

    def end(self, at_ns: int) -> None:
        """See ``Pacing``."""
        self._end_ns = min(self._end_ns, at_ns)

    def over(self) -> bool:
        """See ``Pacing``."""
        return monotonic_ns() >= self._end_ns and not (self._pausing and self._pausing[0] < self._end_ns)

    @property
    def _present(self) -> int:
        return self._busy + len(self._pausing)

    def _send(self, due_ns: int) -> None:
        self._busy += 1
        self._flight.offer(due_ns)

    def _ended(self, now_ns: int, outcome: int) -> None:
        self._busy -= 1
        if outcome in UNREACHABLE:
            self._pause(now_ns + PAUSE_NS)
        elif now_ns >= self._end_ns or self._present >= self._clients:
            return
        elif self._pauses:
            self._pause(now_ns + next(self._pauses))
        else:
            # The client is free from the moment of its answer: what passes until the write is lag.
            self._send(now_ns)

    def _pause(self, until_ns: int) -> None:
        heapq.heappush(self._pausing, until_ns)
        self.wake()
