"""The rule of windows: from when on a run is steady enough to be measured.

Warm-up ends after 5 s and 500 requests at least, when three windows in a row agree within 10% in throughput and in
median response time. Under load a queue in perfect steady state scatters by more than that: of simulated M/M/1 queues
at 70% load and 200 requests/s, about one in five meets this rule nowhere in 60 s, and the others are let in when they
happen to be calm. So six windows in a row without a trend do as well: what is still warming up keeps going one way,
what merely scatters does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_SECONDS = 5
MIN_REQUESTS = 500
WINDOW_REQUESTS = 100
AGREEING = 3
TOLERANCE = 0.10
TRENDLESS = 6
TREND = 0.6
"""Kendall's tau of ``TRENDLESS`` windows from which on they have a trend: 14% of pure noise does (Kendall 1938)."""
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class WarmUp:
    """Where the warm-up of a run ends, or why it did not."""

    end_ns: int | None
    """The first instant of the steady part, on the clock of the records; None if it was never reached."""
    reason: str | None
    """Why it was never reached; None if it was."""


def warm_up(intended_ns: np.ndarray, done_ns: np.ndarray, start_ns: int, end_ns: int, *, open_loop: bool) -> WarmUp:
    """Find the end of the warm-up.

    A window lasts whole seconds: one, or as many as it takes to hold ``WINDOW_REQUESTS`` answers. In an open loop
    throughput is answers per arrival: per second it would show the scatter of the arrivals, which is not the server's.
    Only what was answered by the end of a window decides about it, so the rule gives the same result on a run under
    way as on the whole of it.

    Args:
        intended_ns, done_ns: int64 ``[requests]`` of the answered requests, in any order.
        start_ns: when the load began.
        end_ns: until when to look; a last second that is not whole is left out.
        open_loop: whether the arrivals were scheduled ahead, whatever the server did.
    """
    seconds = (end_ns - start_ns) // _SECOND_NS
    second = _second(done_ns, start_ns, seconds)
    response_ms = ((done_ns - intended_ns) / 1e6)[np.argsort(second, kind="stable")]
    answered = _until(second, seconds)
    offered = _until(_second(intended_ns, start_ns, seconds), seconds) if open_loop else np.arange(seconds + 1)

    throughputs: list[float] = []
    medians: list[float] = []
    begin = 0
    for end in range(1, seconds + 1):
        count = int(answered[end] - answered[begin])
        if count < WINDOW_REQUESTS:
            continue
        throughputs.append(count / max(int(offered[end] - offered[begin]), 1))
        medians.append(float(np.median(response_ms[answered[begin] : answered[end]])))
        begin = end
        enough = end >= MIN_SECONDS and answered[end] >= MIN_REQUESTS
        if enough and not _unsteady("throughput", throughputs) and not _unsteady("median response time", medians):
            return WarmUp(start_ns + end * _SECOND_NS, None)
    reason = (
        _unsteady("median response time", medians)
        or _unsteady("throughput", throughputs)
        or f"{answered[-1]} answers, needs {MIN_REQUESTS} in at least {MIN_SECONDS} s"
    )
    return WarmUp(None, f"not steady after {seconds} s: {reason}")


def _unsteady(name: str, values: list[float]) -> str | None:
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


def _second(times_ns: np.ndarray, start_ns: int, seconds: int) -> np.ndarray:
    """In which second after the start each time lies: int64 ``[n]``; ``seconds`` stands for all later ones."""
    second: np.ndarray = np.clip((times_ns - start_ns) // _SECOND_NS, 0, seconds)
    return second


def _until(second: np.ndarray, seconds: int) -> np.ndarray:
    """How many events there were until the end of each second, with 0 before the first: int64 ``[seconds + 1]``."""
    each = np.bincount(second, minlength=seconds + 1)[:seconds]
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(each)])
