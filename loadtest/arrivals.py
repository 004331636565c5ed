"""When requests arrive: schedules computed before a run, the same for every deployment that gets the same seed."""

from __future__ import annotations

import numpy as np

from loadtest.scenario import OpenLoop

_CHUNK = 65_536


def schedule(scenario: OpenLoop, *, length_s: float, seed: int) -> np.ndarray:
    """Arrival times of ``scenario`` over ``length_s`` seconds.

    Returns:
        int64 ``[arrivals]``, nanoseconds from the schedule's start, ascending, all below ``length_s``.
    """
    length_ns = round(length_s * 1e9)
    if scenario.arrivals == "constant":
        return _constant(scenario.rate, length_ns)
    return _poisson(scenario.rate, length_ns, seed)


def _constant(rate: float, length_ns: int) -> np.ndarray:
    # One more than fit, then cut: the count must not hang on how the product of rate and length is rounded.
    count = int(rate * length_ns / 1e9) + 2
    times: np.ndarray = np.rint(np.arange(count) * (1e9 / rate)).astype(np.int64)
    return times[times < length_ns]


def _poisson(rate: float, length_ns: int, seed: int) -> np.ndarray:
    """Gaps are exponential with mean ``1 / rate``, by inversion: ``-log(1 - u) / rate`` with u uniform on [0, 1).

    Inversion of PCG64's doubles keeps a seed's schedule the same over numpy's versions, unlike its own exponential
    generator, and a longer run's schedule begins with a shorter one's.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    chunks: list[np.ndarray] = []
    last = 0.0
    while last < length_ns:
        gaps = -np.log1p(-random.random(_CHUNK)) * (1e9 / rate)
        gaps[0] += last
        times = np.cumsum(gaps)
        chunks.append(times)
        last = float(times[-1])
    joined: np.ndarray = np.concatenate(chunks).astype(np.int64)
    return joined[joined < length_ns]
