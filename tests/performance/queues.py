"""Queues with one server whose theory is known, to try the statistics and the rule of windows on."""

from __future__ import annotations

import numpy as np

from loadtest.warmup import WindowRule

SERVICES = ("narrow", "exponential", "wide")
_VARIATION = {"narrow": 0.1, "wide": 2.0}


def service_times(rng: np.random.Generator, service: str, shape: tuple[int, ...]) -> np.ndarray:
    """Service times of mean 1: exponential, or lognormal with a coefficient of variation of 0.1 or 2."""
    if service == "exponential":
        return rng.standard_exponential(shape)
    sigma = np.sqrt(np.log(1 + _VARIATION[service] ** 2))
    return np.exp(sigma * rng.standard_normal(shape) - sigma**2 / 2)


def poisson_arrivals(rng: np.random.Generator, load: float, shape: tuple[int, ...]) -> np.ndarray:
    """Arrival times of a Poisson process along the last axis, ``load`` of them in a mean service time."""
    return np.cumsum(rng.standard_exponential(shape), axis=-1) / load


def departures(arrivals: np.ndarray, services: np.ndarray) -> np.ndarray:
    """When each request leaves a first-come-first-served queue that starts empty: ``[..., requests]``.

    Lindley's recursion ``d[i] = max(a[i], d[i-1]) + s[i]`` without a loop: a request leaves when all work since the
    start of its busy period is done, and the start is where that comes out latest.
    """
    work = np.cumsum(services, axis=-1)
    return work + np.maximum.accumulate(arrivals - (work - services), axis=-1)


def steady_after(intended_ns: np.ndarray, done_ns: np.ndarray, seconds: int, *, open_loop: bool) -> int | str:
    """After how many seconds the rule of windows finds requests steady, all of them answered; or else why it does not.

    Times are counted from the start of the load. What is answered later decides nothing: the rule goes on as the load.
    """
    rule = WindowRule()
    edges = np.arange(seconds + 1) * 1_000_000_000
    by_end = np.argsort(done_ns, kind="stable")
    response_ms = ((done_ns - intended_ns) / 1e6)[by_end]
    answered = np.searchsorted(done_ns[by_end], edges)
    arrived = np.searchsorted(np.sort(intended_ns), edges)
    reason = rule.unsteady()
    for second in range(seconds):
        arrivals = int(arrived[second + 1] - arrived[second]) if open_loop else None
        rule.add_second(response_ms[answered[second] : answered[second + 1]], arrivals)
        reason = rule.unsteady()
        if reason is None:
            return second + 1
    return reason
