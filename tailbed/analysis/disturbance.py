"""Which percentiles of a run the machine may have moved, by evidence that the server cannot cause.

The evidence is time that was taken away: gaps in the loop of the engine that spins on a core of its own (a hiccup
meter, as Tene's jHiccup is), steal time of the hypervisor, and throttling of the clock. What a request can have lost
to it is bounded from above, and a request is *touched* in a percentile V if that is more than 5% of V. The percentile
p of n requests stands if fewer than (1 - p) / 2 n of them (0.5% for P99, 0.05% for P99.9) are touched and in its tail
(V or longer), which is half of that tail. Then the machine cannot have moved it far:

    P(p)  <=  V  <=  P((1 + p) / 2) / 0.95        of the same requests, had nothing been taken from any.

V is not below P(p), since losing time makes nobody faster. Of the (1 - p) n requests that took V or longer more than
half are untouched, and those would have taken 0.95 V or longer in any case: so at least (1 - p) / 2 n would.

A gap delays what is sent and stamped by no more than its length, and so, behind a server that works first come first
served, every departure; see ``lost_ns``. Steal time comes as sums over sampling intervals. Where in an interval it lay
is unknown, and every request that overlaps the interval is taken to have met all of it that fits into their overlap:
an upper estimate, as wide as the sampling is coarse. Throttling takes an unknown part of its interval; all is counted.

A closed loop is judged alike; there a request is intended when it is sent, and none queues behind a gap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from loadtest.queries import query_index
from loadtest.records import Records
from loadtest.scenario import AnyScenario, MultiStream
from tailbed.analysis.percentiles import percentile

COUNTS = 0.05
"""Share of a percentile that a request must have lost to be touched: that of the schedule gate. A gap of 1 ms does not
move a P99 of 50 ms; if it counted, slow answers, which meet more gaps, would be taken for disturbed ones."""
REPEATED = frozenset({"p50_ms", "p90_ms", "p99_ms"})
"""Not P99.9: gaps of 0.05% of the time are usual, and another run has them as well."""


@dataclass(frozen=True)
class Sampled:
    """Something counted over consecutive intervals.

    Attributes:
        time_ns: int64 ``[intervals + 1]``, their edges, CLOCK_MONOTONIC, ascending.
        amount: ``[intervals]``, by how much it grew in each.
    """

    time_ns: np.ndarray
    amount: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """What was taken from a run. None means that it is not known, not that there was nothing.

    Attributes:
        gaps_ns: int64 ``[gaps, 2]``, start and length of each gap in the engine's loop, CLOCK_MONOTONIC; None where the
            engine did not spin.
        steal: nanoseconds that the hypervisor took from the cores of both sides.
        throttling: how often the clock of any of these cores was throttled.
    """

    gaps_ns: np.ndarray | None = None
    steal: Sampled | None = None
    throttling: Sampled | None = None


@dataclass(frozen=True)
class Disturbance:
    """What the evidence comes to.

    Attributes:
        stalled_ms: sum of the gaps inside the window; None where it is not known.
        steal_ms: sum of the steal time inside the window, an interval across its end in proportion; None likewise.
        reasons: why a percentile does not stand, by field.
    """

    stalled_ms: float | None = None
    steal_ms: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)


def judge(
    intended_ns: np.ndarray,
    done_ns: np.ndarray,
    window_ns: tuple[int, int],
    figures: Mapping[str, float | None],
    fractions: Mapping[str, float],
    evidence: Evidence,
) -> Disturbance:
    """Judge the percentiles of one run.

    Args:
        intended_ns, done_ns: int64 ``[requests]``, of all requests, the warm-up's too, in any order; of queries with
            several samples one each, done with the last.
        window_ns: start and end of the measured window; percentiles are of what is intended in it.
        figures: the percentiles done - intended in milliseconds by field; None where none is quoted.
        fractions: their p by field, such as 0.99.
        evidence: see ``Evidence``.
    """
    start_ns, end_ns = window_ns
    in_window = (intended_ns >= start_ns) & (intended_ns < end_ns)
    took_ns = (done_ns - intended_ns)[in_window]
    kinds = _kinds(evidence, start_ns, end_ns)
    lost = sum((lost_ns(intended_ns, done_ns, *kind.intervals)[in_window] for kind in kinds), np.zeros(len(took_ns)))
    reasons = {}
    for name, fraction in fractions.items():
        value_ms = figures.get(name)
        if value_ms is None:
            continue
        value_ns = value_ms * 1e6
        tail = took_ns >= round(value_ns)
        touched = float(np.mean(tail & (lost > COUNTS * value_ns)))
        limit = round((1 - fraction) / 2, 9)
        if touched >= limit:
            met = ", ".join(kind.words for kind in kinds)
            least_ms = percentile(took_ns - lost, fraction) / 1e6
            reasons[name] = (
                f"disturbed: {met}; {touched:.3%} of the requests are in this tail and may have lost more than "
                f"{COUNTS:.0%} of {value_ms:.3g} ms to that, limit {limit:.2%}; without it, it may be {least_ms:.3g} ms"
            )
    return Disturbance(
        stalled_ms=None if evidence.gaps_ns is None else _inside_ms(*_gaps(evidence.gaps_ns), start_ns, end_ns),
        steal_ms=None if evidence.steal is None else _inside_ms(*_sampled(evidence.steal), start_ns, end_ns),
        reasons=reasons,
    )


def spans_ns(records: Records, scenario: AnyScenario) -> tuple[np.ndarray, np.ndarray]:
    """Intended and done, int64, of whatever a scenario's percentiles are of: each request, or each query as a whole."""
    if not isinstance(scenario, MultiStream) or not len(records.intended_ns):
        return records.intended_ns, records.done_ns
    starts = np.flatnonzero(np.diff(query_index(records), prepend=-1))
    return records.intended_ns[starts], np.maximum.reduceat(records.done_ns, starts)


def worth_repeating(reasons: Collection[str]) -> bool:
    """Whether a run is to be measured again, given the fields that are disturbed: where a verdict needs one."""
    return not REPEATED.isdisjoint(reasons)


def lost_ns(
    intended_ns: np.ndarray, done_ns: np.ndarray, start_ns: np.ndarray, end_ns: np.ndarray, taken_ns: np.ndarray
) -> np.ndarray:
    """The most that each request can have lost to time taken away.

    What is due while nothing moves is due all the same: it arrives at the server in one burst, and who comes after it
    waits behind it. So an interval acts until no more requests are under way than were before it. From an interval a
    request loses at most what was taken in it, and at most the part of its own time, intended to done, that lies
    between the interval's start and the end of its effect.

    Args:
        intended_ns, done_ns: int64 ``[requests]``, as in ``judge``.
        start_ns, end_ns, taken_ns: int64 ``[intervals]``, and how much was taken in each.

    Returns:
        float64 ``[requests]``.
    """
    lost = np.zeros(len(intended_ns))
    if not len(intended_ns):
        return lost
    order = np.argsort(intended_ns, kind="stable")
    intended, done = intended_ns[order], done_ns[order]
    settled = _settled(intended, done, start_ns, end_ns)
    firsts = np.searchsorted(np.maximum.accumulate(done), start_ns, side="right")  # all before are done by then
    lasts = np.searchsorted(intended, settled)
    for first, last, start, end, taken in zip(firsts, lasts, start_ns, settled, taken_ns, strict=True):
        overlap = np.minimum(done[first:last], end) - np.maximum(intended[first:last], start)
        lost[first:last] += np.clip(overlap, 0, taken)
    unordered = np.empty_like(lost)
    unordered[order] = lost
    return unordered


def _settled(intended: np.ndarray, done: np.ndarray, start_ns: np.ndarray, end_ns: np.ndarray) -> np.ndarray:
    """When each interval's effect ends: the first time, from its end on, that no more are under way than before it."""
    times = np.concatenate([done, intended])
    # Of what happens at the same time, departures first: a closed loop's client asks again when it is answered.
    order = np.argsort(times, kind="stable")
    times = times[order]
    under_way = np.concatenate([[0], np.cumsum(np.where(order < len(done), -1, 1))])  # after so many events
    levels = under_way[np.searchsorted(times, start_ns)]
    high = under_way[np.searchsorted(times, end_ns, side="right")] > levels
    settled = np.array(end_ns, dtype=np.int64)
    for level in np.unique(levels[high]):
        calm = times[under_way[1:] <= level]  # its last is the last of all, after which none is under way
        which = high & (levels == level)
        settled[which] = calm[np.searchsorted(calm, end_ns[which], side="right")]
    return settled


@dataclass(frozen=True)
class _Kind:
    """One kind of evidence: start, end and time taken of its intervals, and its sum in words."""

    intervals: tuple[np.ndarray, np.ndarray, np.ndarray]
    words: str


def _kinds(evidence: Evidence, start_ns: int, end_ns: int) -> list[_Kind]:
    """The kinds of evidence that there is anything of."""
    kinds = []
    if evidence.gaps_ns is not None and len(evidence.gaps_ns):
        gaps = _gaps(evidence.gaps_ns)
        count = int(((gaps[1] > start_ns) & (gaps[0] < end_ns)).sum())
        stalled_ms = _inside_ms(*gaps, start_ns, end_ns)
        kinds.append(_Kind(gaps, f"the client's core was taken away for {stalled_ms:.1f} ms in {count} gaps"))
    if evidence.steal is not None and evidence.steal.amount.any():
        steal = _sampled(evidence.steal)
        kinds.append(_Kind(steal, f"{_inside_ms(*steal, start_ns, end_ns):.1f} ms of both sides' time were stolen"))
    if evidence.throttling is not None and evidence.throttling.amount.any():
        times = int(evidence.throttling.amount.sum())
        start, end, _ = _sampled(evidence.throttling)
        kinds.append(_Kind((start, end, end - start), f"the clock was throttled {times} times"))
    return kinds


def _gaps(gaps_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start, length = gaps_ns.reshape(-1, 2).T
    return start, start + length, length


def _sampled(sampled: Sampled) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    some = sampled.amount > 0
    return sampled.time_ns[:-1][some], sampled.time_ns[1:][some], sampled.amount[some]


def _inside_ms(
    start: np.ndarray, end: np.ndarray, taken: np.ndarray, window_start_ns: int, window_end_ns: int
) -> float:
    """What was taken inside the window, in proportion to the interval's part that lies in it."""
    inside = np.clip(np.minimum(end, window_end_ns) - np.maximum(start, window_start_ns), 0, None)
    return float((taken * inside / np.maximum(end - start, 1)).sum()) / 1e6
