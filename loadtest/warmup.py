"""The rule of windows: from when on a run is steady enough to be measured.

Warm-up ends after 5 s and 500 requests at least, when three windows in a row agree within 10% in throughput and in
median response time. Under load a queue in perfect steady state scatters by more than that: of simulated M/M/1 queues
at 70% load and 200 requests/s, about one in five meets this rule nowhere in 60 s, and the others are let in when they
happen to be calm. So six windows in a row without a trend do as well: what is still warming up keeps going one way,
what merely scatters does not.

A load may be too slow for six windows within the limit that it is given, or even for 500 requests. That says nothing of
the server, so it may take longer.
"""

from __future__ import annotations

import numpy as np

MIN_SECONDS = 5
MIN_REQUESTS = 500
WINDOW_REQUESTS = 100
AGREEING = 3
TOLERANCE = 0.10
TRENDLESS = 6
TREND = 0.6
"""Kendall's tau of ``TRENDLESS`` windows from which on they have a trend: 14% of pure noise does (Kendall 1938)."""
ENOUGH = 2 * TRENDLESS * WINDOW_REQUESTS
"""Fewer answers than these by the limit, and the load is too slow to be judged by then: six windows are not sure to be
among them, or have been looked at only once or twice."""
LONGER = 10
"""So many times its limit may such a load take."""


class WindowRule:
    """Takes a load second by second as it goes on, and says whether it is steady.

    A window lasts whole seconds: one, or as many as it takes to hold ``WINDOW_REQUESTS`` answers. In an open loop
    throughput is answers per arrival: per second it would show the scatter of the arrivals, which is not the server's.
    """

    def __init__(self) -> None:
        self._seconds = 0
        self._answers = 0
        self._throughputs: list[float] = []
        self._medians: list[float] = []
        self._window: list[np.ndarray] = []
        self._offered = 0

    def add_second(self, response_ms: np.ndarray, arrivals: int | None) -> None:
        """Take the next second of the load.

        Args:
            response_ms: float64 ``[answers]``, response times of the requests that were answered in it.
            arrivals: how many were scheduled in it; None in a closed loop.
        """
        self._seconds += 1
        self._answers += len(response_ms)
        self._window.append(response_ms)
        self._offered += 1 if arrivals is None else arrivals
        window = np.concatenate(self._window)
        if len(window) < WINDOW_REQUESTS:
            return
        self._throughputs.append(len(window) / max(self._offered, 1))
        self._medians.append(float(np.median(window)))
        self._window.clear()
        self._offered = 0

    def unsteady(self) -> str | None:
        """Why the load is not steady by now, in one line with the figures; None if it is."""
        reason = _scatter("median response time", self._medians) or _scatter("throughput", self._throughputs)
        if reason is None and (self._answers < MIN_REQUESTS or self._seconds < MIN_SECONDS):
            reason = f"{self._answers} answers, needs {MIN_REQUESTS} in at least {MIN_SECONDS} s"
        return reason and f"not steady after {self._seconds} s: {reason}"

    def needs_longer(self, limit_s: float) -> bool:
        """Whether the load is too slow to be judged by now, but not too slow for six windows in ``LONGER`` limits."""
        promised = self._answers / max(self._seconds, 1) * LONGER * limit_s
        return self._answers < ENOUGH and promised >= TRENDLESS * WINDOW_REQUESTS


def _scatter(name: str, values: list[float]) -> str | None:
    """Why the latest windows do not pass, if they do not."""
    if len(values) < AGREEING:
        return f"{len(values)} windows of {WINDOW_REQUESTS} answers or more, needs {AGREEING}"
    recent = np.array(values[-AGREEING:])
    spread = float(recent.max() / recent.min()) - 1
    if spread <= TOLERANCE:
        return None
    if len(values) >= TRENDLESS:
        longer = np.array(values[-TRENDLESS:])
        earlier, later = np.triu_indices(TRENDLESS, 1)
        tau = float(np.sign(longer[later] - longer[earlier]).mean())
        if abs(tau) < TREND:
            return None
        return (
            f"the {name} keeps {'rising' if tau > 0 else 'falling'}, by {spread:.0%} over the last {AGREEING} windows"
        )
    return f"the {name} of the last {AGREEING} windows differs by {spread:.0%}, limit {TOLERANCE:.0%}"
