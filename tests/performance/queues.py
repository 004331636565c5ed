"""Queues with one server whose theory is known, to try the statistics on."""

from __future__ import annotations

import numpy as np

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
