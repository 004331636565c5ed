"""A stall meter: when the core was taken from the engine, by gaps in the engine's own loop.

As jHiccup (Tene) does, it takes a thread that always runs for a clock: when that thread is late, whatever else runs on
the machine was late too, and no answer of the server can have been the cause. Here that thread is the engine itself
while it spins. Only what its own work cannot explain counts, so a stall may be missed, but none is made up by load.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import Any, Final

from loadtest.engine.flight import Flight

SHORTEST_NS: Final = 200_000
"""A turn without sends and ends takes 2 us; of those that took CPU time, the longest took 60 us over HTTP, 270 us once
over gRPC."""
_WORK_NS: Final = 15_000
"""For each send or end in a turn. They take 3 to 4 us under full load, 16 us at most in turns of 16 or more."""
_BYTE_NS: Final = 1
"""For each byte of a request and its answer. Of 600 kB they take 0.08 ns over HTTP and 0.2 ns over gRPC. Those of
requests that are still out count too: a part of an answer is no end."""
_TLS_BYTE_NS: Final = 3
_MOST: Final = 20_000


class StallMeter:
    """Judges gaps between turns of the loop, less what the engine did in them beside its requests.

    Attributes:
        stalls: those that nothing explains, as (start, length), CLOCK_MONOTONIC nanoseconds; at most 20,000.
        dropped: how many more there were.
    """

    def __init__(self, flight: Flight, payload_bytes: int, *, tls: bool) -> None:
        """Take where the work can be seen, the size of the largest request, and whether it is encrypted."""
        self._flight = flight
        self._payload_bytes = payload_bytes
        self._byte_ns = _TLS_BYTE_NS if tls else _BYTE_NS
        self._tasks = 0
        self._task_done_ns = 0
        self.stalls: list[tuple[int, int]] = []
        self.dropped = 0

    def make_task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        """For the loop, to make tasks with: while there is one, a connection is being made, and nothing is judged."""
        task = asyncio.Task(work, loop=loop, **options)
        self._tasks += 1
        task.add_done_callback(self._task_done)
        return task

    def turn(self, start_ns: int, length_ns: int, activity: int) -> None:
        """A turn of the loop that took ``SHORTEST_NS`` or more, with so many sends and ends."""
        flight = self._flight
        moved = (activity + len(flight.open)) * (self._payload_bytes + flight.largest_answer)
        if length_ns > SHORTEST_NS + activity * _WORK_NS + moved * self._byte_ns:
            self._note(start_ns, length_ns)

    def sleep(self, until_ns: int, late_ns: int) -> None:
        """The engine slept with nothing outstanding, and woke later than any sleeping core does."""
        self._note(until_ns, late_ns)

    def _note(self, start_ns: int, length_ns: int) -> None:
        if self._tasks or self._task_done_ns >= start_ns:
            return
        if len(self.stalls) < _MOST:
            self.stalls.append((start_ns, length_ns))
        else:
            self.dropped += 1

    def _task_done(self, _task: asyncio.Task[Any]) -> None:
        self._tasks -= 1
        self._task_done_ns = monotonic_ns()
