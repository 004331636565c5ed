"""Turns the event loop: sends when it is time, and stays awake while something is about to happen."""

from __future__ import annotations

import asyncio
from time import monotonic_ns, process_time_ns
from typing import Final

from loadtest.engine.alarm import Alarm
from loadtest.engine.flight import Flight
from loadtest.engine.pacing import Pacing

_LEAD_NS: Final = 1_500_000
"""Waking a sleeping core takes up to a millisecond, so the last stretch before a send is spent awake."""
_EMPTY_TURN_NS: Final = 50_000
"""A turn of the loop that found nothing to do takes about two microseconds. One that took longer was not idle:
it did something else, such as connecting, or the core was taken away."""


class Spinner:
    """Calls ``pacing`` when it is due, and in between lets the loop rest, or turn if the engine may spin.

    Attributes:
        idle_ns: time spent in turns that found nothing to do.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, flight: Flight, pacing: Pacing, *, spin: bool) -> None:
        self._loop = loop
        self._flight = flight
        self._pacing = pacing
        pacing.wake = self.wake
        self._spin = spin
        self._lead_ns = _LEAD_NS if spin else 0
        self._alarm = Alarm(loop, self.wake)
        self._turning = False
        self._closed = False
        self._last_ns = 0
        self._activity = -1
        self.idle_ns = 0

    def wake(self) -> None:
        """Ask the pacing again soon."""
        if not self._turning and not self._closed:
            self._turning = True
            self._activity = -1  # the stretch until now was rest, not a turn
            self._loop.call_soon(self._turn)

    def close(self) -> None:
        """Stop turning."""
        self._closed = True
        self._alarm.close()

    def _turn(self) -> None:
        now_ns = monotonic_ns()
        flight = self._flight
        if flight.activity == self._activity:
            turn_ns = now_ns - self._last_ns
            if turn_ns < _EMPTY_TURN_NS:
                self.idle_ns += turn_ns
        else:
            self._activity = flight.activity
        self._last_ns = now_ns
        due_ns = self._pacing.pace(now_ns)
        if self._closed:
            return
        if due_ns <= now_ns or (self._spin and (flight.open or due_ns - now_ns < _LEAD_NS)):
            self._loop.call_soon(self._turn)
        else:
            self._turning = False
            self._alarm.set(due_ns - self._lead_ns)


class BusyMeter:
    """The share of a core that this process computes, not counting turns that found nothing to do."""

    def __init__(self, spinner: Spinner) -> None:
        self._spinner = spinner
        self._began: tuple[int, int] | None = None

    def begin(self) -> None:
        """The measured window begins."""
        self._began = monotonic_ns(), self._work_ns()

    def share(self) -> float | None:
        """(CPU time - idle turns) / wall time since ``begin``; None if that never came."""
        if self._began is None:
            return None
        began_ns, work_ns = self._began
        return max(0.0, (self._work_ns() - work_ns) / (monotonic_ns() - began_ns))

    def _work_ns(self) -> int:
        return process_time_ns() - self._spinner.idle_ns
