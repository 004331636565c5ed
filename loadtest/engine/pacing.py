"""When the next request is due: by a schedule, or when a client is free again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Final, Protocol

import numpy as np

from loadtest.engine.flight import Flight
from loadtest.records import Outcome

NEVER: Final = 2**62
"""A due time that does not come."""

_BURST: Final = 4
"""Requests sent in a row when behind the schedule, before answers that have come meanwhile are read."""
_PAUSE_NS: Final = 100_000_000
"""How long a client waits after it could not reach the server: a server that is down is not to be hammered."""
_UNREACHABLE: Final = frozenset({Outcome.REFUSED, Outcome.RESET, Outcome.GRPC + 14})


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
        self._times_ns = times_ns.data  # indexing a memoryview makes a Python int at once
        self._count = len(times_ns)
        self._next = 0

    def pace(self, now_ns: int) -> int:
        """See ``Pacing``."""
        for _ in range(_BURST):
            if self._next >= self._count:
                return NEVER
            due_ns = self._times_ns[self._next]
            if due_ns > now_ns:
                return due_ns
            self._next += 1
            self._flight.offer(due_ns)
        return now_ns

    def end(self, at_ns: int) -> None:
        """See ``Pacing``."""
        self._count = int(np.searchsorted(np.asarray(self._times_ns), at_ns))

    def over(self) -> bool:
        """See ``Pacing``."""
        return self._next >= self._count


class ClosedLoop:
    """Clients that each send their next request when the last one has ended."""

    wake: Callable[[], None]

    def __init__(self, flight: Flight, clients: int, start_ns: int, end_ns: int) -> None:
        self._flight = flight
        self._clients = clients
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._busy = 0
        self._resume_ns: deque[int] = deque()
        flight.ended = self._ended

    def change_clients(self, clients: int) -> None:
        """Have this many clients from now on; those to leave do so when their request has ended."""
        self._clients = clients
        self.wake()

    def pace(self, now_ns: int) -> int:
        """See ``Pacing``."""
        while self._resume_ns and self._resume_ns[0] <= now_ns:
            self._resume_ns.popleft()
        if now_ns < self._start_ns:
            return self._start_ns
        if now_ns >= self._end_ns:
            return NEVER
        while self._busy + len(self._resume_ns) < self._clients:
            self._busy += 1
            self._flight.offer(monotonic_ns())
        return self._resume_ns[0] if self._resume_ns else NEVER

    def end(self, at_ns: int) -> None:
        """See ``Pacing``."""
        self._end_ns = min(self._end_ns, at_ns)

    def over(self) -> bool:
        """See ``Pacing``."""
        return monotonic_ns() >= self._end_ns

    def _ended(self, now_ns: int, outcome: int) -> None:
        if outcome in _UNREACHABLE:
            self._busy -= 1
            self._resume_ns.append(now_ns + _PAUSE_NS)
            self.wake()
        elif now_ns >= self._end_ns or self._busy + len(self._resume_ns) > self._clients:
            self._busy -= 1
        else:
            # The client is free from the moment of its answer: what passes until the write is lag.
            self._flight.offer(now_ns)
