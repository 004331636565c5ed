"""Whether requests pile up over the window of an open loop: past capacity there is no steady state to report.

The window is cut into 20 parts. The mean number of requests in the system in each is exact (its integral over time).
If the backlog grows, later means lie above earlier ones: Kendall's tau of the means against time (Mann 1945) is then
near 1. Between means of a stable queue, correlated as they are, it stays near 0. It looks at ranks only, so one stall
of the machine does not move it. ``tests/performance/coverage.py`` prints its false alarms and its power: 12,000
requests at 105% load are found in 92% of runs or more; the fewer there are, the nearer to capacity it is blind, because
a queue just below capacity looks the same.
"""

from __future__ import annotations

import numpy as np

WINDOWS = 20
TAU_LIMIT = 0.55
"""Stable M/G/1 queues at 90% load exceed it in up to 5% of runs of 2,000 requests, hardly ever in longer ones."""
GROWTH_SHARE = 0.5
"""Less growth than half of the mean backlog is a drift (of the service time, say), not a queue without an end."""
GROWTH_FLOOR = 5.0
"""Requests; less is nothing that a user could notice behind a busy server."""


def mean_in_system(intended_ns: np.ndarray, done_ns: np.ndarray, edges_ns: np.ndarray) -> np.ndarray:
    """The mean number of requests that were due and not yet over, between each two edges.

    Args:
        intended_ns, done_ns: int64 ``[requests]``, the warm-up's included, in any order; a failed request is over
            when it failed.
        edges_ns: int64 ``[windows + 1]``, strictly increasing.

    Returns:
        float64 ``[windows]``.
    """
    edges = edges_ns - edges_ns[0]
    areas = _area_under_count(intended_ns - edges_ns[0], edges) - _area_under_count(done_ns - edges_ns[0], edges)
    means: np.ndarray = np.diff(areas) / np.diff(edges)
    return means


def backlog_steady(intended_ns: np.ndarray, done_ns: np.ndarray, start_ns: int, end_ns: int) -> str | None:
    """The backlog of an open loop with a constant mean rate does not grow over the window.

    Grows means: Kendall's tau of the ``WINDOWS`` means is above ``TAU_LIMIT``, and the Theil-Sen slope (the median of
    the slopes between all pairs of means) adds up over the window to more than ``GROWTH_SHARE`` of their mean and to
    more than ``GROWTH_FLOOR`` requests. It says nothing of a ramp or of steps, where the load itself grows.

    Args:
        intended_ns, done_ns: as in ``mean_in_system``.
        start_ns, end_ns: the measured window.

    Returns:
        None, or the reason with its figures.
    """
    if end_ns - start_ns < WINDOWS:
        return None
    means = mean_in_system(intended_ns, done_ns, np.linspace(start_ns, end_ns, WINDOWS + 1).astype(np.int64))
    earlier, later = np.triu_indices(WINDOWS, 1)
    rises = means[later] - means[earlier]
    tau = float(np.sign(rises).mean())
    growth = float(np.median(rises / (later - earlier))) * WINDOWS
    if tau <= TAU_LIMIT or growth <= max(GROWTH_SHARE * float(means.mean()), GROWTH_FLOOR):
        return None
    return f"backlog grows by {growth:.0f} requests over the window, {means.mean():.0f} on average (tau {tau:.2f})"


def _area_under_count(times: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The integral from 0 to each edge of the number of events so far: int64 ``[edges]``, exact."""
    # What lies before the first edge counts from there on.
    ordered = np.sort(np.maximum(times, 0))
    sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(ordered)])
    counts = np.searchsorted(ordered, edges, side="right")
    area: np.ndarray = edges * counts - sums[counts]
    return area
