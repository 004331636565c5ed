"""Turns the event loop: sends when it is time, and stays awake while something is about to happen."""

from __future__ import annotations

import asyncio
from time import monotonic_ns, process_time_ns
from typing import Final

from loadtest.engine.alarm import Alarm
from loadtest.engine.flight import Flight
from loadtest.engine.pacing import Pacing
from loadtest.engine.stalls import SHORTEST_NS, StallMeter

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

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        flight: Flight,
        pacing: Pacing,
        stalls: StallMeter | None,
    ) -> None:
        """Take the pacing; it may spin if there is a meter for when it could not."""
        self._loop = loop
        self._flight = flight
        self._pacing = pacing
        pacing.wake = self.wake
        self._stalls = stalls
        self._lead_ns = _LEAD_NS if stalls else 0
        self._alarm = Alarm(loop, self._ring)
        self._alarm_ns = 0
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

    def exclude(self, began_ns: int) -> None:
        """Leave out of the turn what has been done since then: it was no send or end of a request."""
        now_ns = monotonic_ns()
        self._last_ns += now_ns - began_ns
        if now_ns > self._alarm_ns:
            self._alarm_ns += now_ns - began_ns

    def close(self) -> None:
        """Stop turning."""
        self._closed = True
        self._alarm.close()

    def _turn(self) -> None:
        now_ns = monotonic_ns()
        flight = self._flight
        activity = flight.activity - self._activity
        turn_ns = now_ns - self._last_ns
        if not activity and turn_ns < _EMPTY_TURN_NS:
            self.idle_ns += turn_ns
        elif turn_ns >= SHORTEST_NS and self._stalls and self._activity >= 0:
            self._stalls.turn(self._last_ns, turn_ns, activity)
        self._activity = flight.activity
        self._last_ns = now_ns
        due_ns = self._pacing.pace(now_ns)
        if self._closed:
            return
        if due_ns <= now_ns or (self._stalls and (flight.open or due_ns - now_ns < _LEAD_NS)):
            self._loop.call_soon(self._turn)
        else:
            self._turning = False
            self._alarm_ns = due_ns - self._lead_ns
            self._alarm.set(self._alarm_ns)

    def _ring(self) -> None:
        late_ns = monotonic_ns() - self._alarm_ns
        if late_ns > _LEAD_NS and self._stalls and not self._turning:
            self._stalls.sleep(self._alarm_ns, late_ns)
        self.wake()


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
