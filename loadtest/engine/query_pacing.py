"""When the next request is due where several make a query: MLPerf's MultiStream and Offline."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns

from loadtest.engine.flight import Flight
from loadtest.engine.pacing import NEVER, PAUSE_NS, UNREACHABLE


class MultiStream:
    """Offers all samples of a query at once, and the next query when the last of them has ended."""

    wake: Callable[[], None]

    def __init__(self, flight: Flight, samples: int, start_ns: int, end_ns: int) -> None:
        self._flight = flight
        self._samples = samples
        self._due_ns = start_ns
        self._end_ns = end_ns
        self._open = 0
        flight.ended = self._ended

    def pace(self, now_ns: int) -> int:
        """See ``Pacing``."""
        if self._open or now_ns >= self._end_ns:
            return NEVER
        if now_ns < self._due_ns:
            return self._due_ns
        self._send(now_ns)
        return NEVER

    def end(self, at_ns: int) -> None:
        """See ``Pacing``."""
        self._end_ns = min(self._end_ns, at_ns)

    def over(self) -> bool:
        """See ``Pacing``."""
        return monotonic_ns() >= self._end_ns

    def _send(self, now_ns: int) -> None:
        # One intended time for all of them, which no other query has, is what tells a query in the records.
        self._open = self._samples
        for _ in range(self._samples):
            self._flight.offer(now_ns)

    def _ended(self, now_ns: int, outcome: int) -> None:
        self._open -= 1
        if outcome in UNREACHABLE:
            self._due_ns = now_ns + PAUSE_NS
        if self._open or now_ns >= self._end_ns:
            return
        if now_ns < self._due_ns:
            self.wake()
        else:
            self._send(now_ns)


class Offline:
    """Keeps so many requests outstanding until all samples of the one query have ended.

    A request's intended time is when there was room for it. What is offered during the warm-up is not of the query,
    which begins when the last of that has ended.

    Attributes:
        query_ns: when the query begins, CLOCK_MONOTONIC; as planned until it does.
        finished: told when the last sample has ended, CLOCK_MONOTONIC.
    """

    wake: Callable[[], None]

    def __init__(
        self, flight: Flight, samples: int, outstanding: int, *, start_ns: int, query_ns: int, end_ns: int
    ) -> None:
        """Begin at ``start_ns`` with the warm-up and at ``query_ns`` with the query; offer nothing from ``end_ns``."""
        self._flight = flight
        self._unsent = samples
        self._outstanding = outstanding
        self._due_ns = start_ns
        self._end_ns = end_ns
        self._warming_up = True
        self._open = 0
        self.query_ns = query_ns
        self.finished: Callable[[int], None] = lambda _now_ns: None
        flight.ended = self._ended

    def pace(self, now_ns: int) -> int:
        """See ``Pacing``."""
        if now_ns >= self._end_ns:
            return NEVER
        if now_ns < self._due_ns:
            return self._due_ns
        if self._warming_up and now_ns >= self.query_ns:
            if self._open:
                return NEVER
            self._warming_up = False
            self.query_ns = now_ns
        while self._open < self._outstanding and self._unsent:
            self._send(monotonic_ns())
        return self.query_ns if self._warming_up else NEVER

    def end(self, at_ns: int) -> None:
        """See ``Pacing``."""
        self._end_ns = min(self._end_ns, at_ns)

    def over(self) -> bool:
        """See ``Pacing``."""
        return not self._unsent or monotonic_ns() >= self._end_ns

    def _send(self, now_ns: int) -> None:
        self._open += 1
        if not self._warming_up:
            self._unsent -= 1
        self._flight.offer(now_ns)

    def _ended(self, now_ns: int, outcome: int) -> None:
        self._open -= 1
        if outcome in UNREACHABLE:
            self._due_ns = now_ns + PAUSE_NS
        if not self._unsent:
            if not self._open:
                self.finished(now_ns)
        elif now_ns < self._due_ns or (self._warming_up and now_ns >= self.query_ns):
            self.wake()
        elif now_ns < self._end_ns:
            self._send(now_ns)
