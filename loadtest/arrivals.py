"""When requests arrive: schedules computed before a run, the same for every deployment that gets the same seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from loadtest.errors import LoadError
from loadtest.exponential import exponentials
from loadtest.rate_profile import Piece, RateProfile
from loadtest.scenario import Arrivals, Bursts, ClosedLoop, OpenLoop, Ramp, Scheduled, Server, Steps, Trace
from loadtest.trace import read_trace

MOST: Final = 100_000_000
"""Arrivals of one run. A schedule takes 8 bytes each, and the engine's records 32."""
_LONGEST_S: Final = 9e9
"""What int64 holds in nanoseconds."""


def schedule(scenario: Scheduled, *, length_s: float, seed: int) -> np.ndarray:
    """Arrival times of ``scenario`` over ``length_s`` seconds.

    The same arguments give the same times on every machine. A longer run's schedule begins with a shorter one's, except
    for a ramp, which is as long as the run.

    Returns:
        int64 ``[arrivals]``, nanoseconds from the schedule's start, ascending, all below ``length_s``.

    Raises:
        LoadError: the scenario does not fit into the length, or its trace is not one.
    """
    if isinstance(scenario, Trace):
        times_s = read_trace(scenario.path, scenario.rate)
        if times_s[0] >= length_s:
            raise LoadError(f"{scenario.path}: begins at {times_s[0]:g} s, after the run's {length_s:g} s")
    else:
        loop = scenario.loop if isinstance(scenario, Server) else scenario
        profile = _profile(loop, length_s)
        count = profile.count(length_s)
        if not count <= MOST:
            raise LoadError(f"{scenario.label}: {count:.3g} arrivals in {length_s:g} s are more than {MOST:,}")
        times_s = profile.times_s(_unit(loop.arrivals, count, seed))
    # Cut before the cast: what int64 cannot hold would become negative.
    within_s = times_s[times_s < min(length_s, _LONGEST_S)]
    times: np.ndarray = np.rint(within_s * 1e9).astype(np.int64)
    return times[times < round(length_s * 1e9)]


def think_times(scenario: ClosedLoop, seed: int) -> Iterator[int]:
    """The clients' pauses in nanoseconds, without end; whichever client pauses next takes the next one.

    The first ones, as many as there are clients, come before their first requests. Constant ones then are spread over
    one pause: clients that begin together would go on together.
    """
    think_ns = scenario.think_s * 1e9
    if scenario.think == "constant":
        yield from (round(think_ns * client / scenario.concurrency) for client in range(scenario.concurrency))
        while True:
            yield round(think_ns)
    for chunk in exponentials(seed):
        yield from np.rint(chunk * think_ns).astype(np.int64).tolist()


def _profile(scenario: OpenLoop | Bursts | Steps | Ramp, length_s: float) -> RateProfile:
    match scenario:
        case OpenLoop():
            return RateProfile(Piece(1.0, scenario.rate, scenario.rate))
        case Bursts():
            on = Piece(scenario.on_s, scenario.on_rate, scenario.on_rate)
            return RateProfile(on, Piece(scenario.off_s, scenario.off_rate, scenario.off_rate))
        case Ramp():
            return RateProfile(Piece(length_s, scenario.from_rate, scenario.to_rate))
        case Steps():
            pieces = [Piece(step.duration_s, step.rate, step.rate) for step in scenario.steps]
            left_s = length_s - math.fsum(piece.length_s for piece in pieces)
            if left_s <= -pieces[-1].length_s:
                raise LoadError(f"{scenario.label}: the last step begins after the run's {length_s:g} s")
            if left_s > 0:
                last = pieces.pop()
                pieces.append(Piece(last.length_s + left_s, last.start, last.end))
            return RateProfile(*pieces)


def _unit(arrivals: Arrivals, count: float, seed: int) -> np.ndarray:
    """Arrivals at rate 1, from 0 to below ``count``: 0, 1, 2 and so on, or a Poisson process."""
    if arrivals == "constant":
        return np.arange(math.ceil(count), dtype=np.float64)
    chunks: list[np.ndarray] = []
    last = 0.0
    for gaps in exponentials(seed):
        gaps[0] += last
        chunks.append(np.cumsum(gaps))
        last = float(chunks[-1][-1])
        if last >= count:
            break
    joined: np.ndarray = np.concatenate(chunks)
    return joined[joined < count]
