"""Whether an open loop asked for more than the server can do, and what it held instead.

Past its capacity a server has no steady state: the queue grows for as long as the load lasts, and every percentile of
the response time is a matter of when one stopped looking. So there is nothing to quote but the rate that it held.
"""

from __future__ import annotations

import numpy as np

from loadtest.records import Outcome, Records
from tailbed.analysis import validity
from tailbed.analysis.backlog import backlog_steady

QUARTERS = 4
EVEN = 0.5
"""A quarter of the time with less than this share of the usual answers is a server that hangs, not one at work."""
LAG_SHARE = 0.1
"""Of the requests' waiting. Where a client cannot keep up, its lag is most of it; where it was stalled for some
milliseconds, that is little beside a queue that grows without end."""


def held_rate(records: Records, max_in_flight: int) -> float | None:
    """The rate that a saturated server held, in successful answers a second; None if it is not saturated.

    It is saturated if all of this holds:

    * its answers fall short of the arrivals, by more than the rate gate allows, in both halves of the time looked at,
      or the backlog grows (see ``backlog_steady``);
    * it answered all the time: in each quarter at least half as much as on average. A stall or a server that hangs
      shows in some of them only;
    * it is not the client's doing: that was not busy, and less than a tenth of the requests' waiting was its lag, for
      as long as it could send. Once ``max_in_flight`` requests are in the system, as they are in the end with a
      saturated server, others must wait in the client, and their lag is the server's.

    The time looked at is the measured window. Where requests time out in it, it is the second half of what came before
    the first of these: a server that goes on to work on requests which nobody awaits any more may answer none at all.

    Args:
        records: of an open loop at one rate, whose server was alive at its end.
        max_in_flight: as in the plan.
    """
    if validity.client_idle_enough(records.facts.client_busy):
        return None
    start_ns, end_ns = _span(records)
    edges_ns = np.linspace(start_ns, end_ns, QUARTERS + 1).astype(np.int64)
    answered = _counts(records.done_ns[records.outcome != Outcome.TIMEOUT], edges_ns)
    if not answered.any() or answered.min() < EVEN * answered.mean():
        return None
    grows = backlog_steady(records.intended_ns, records.done_ns, start_ns, end_ns) is not None
    if not (grows or _falls_short(records, answered, edges_ns)) or _late(records, max_in_flight):
        return None
    right = _counts(records.done_ns[records.outcome == Outcome.OK], edges_ns)
    return float(right.sum()) / ((end_ns - start_ns) / 1e9)


def saturation(held: float, offered: float) -> str:
    """Saturation in words: the INVALID reason of the run, and of every percentile that it does not have."""
    return f"saturated: holds {_words(held)}/s of the {_words(offered)}/s offered"


def _words(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _span(records: Records) -> tuple[int, int]:
    """The time to look at, from and until."""
    facts = records.facts
    given_up = records.done_ns[records.outcome == Outcome.TIMEOUT]
    if not ((given_up >= facts.window_start_ns) & (given_up < facts.window_end_ns)).any():
        return facts.window_start_ns, facts.window_end_ns
    first = int(given_up.min())
    return (facts.load_start_ns + first) // 2, first


def _falls_short(records: Records, answered: np.ndarray, edges_ns: np.ndarray) -> bool:
    """Whether in both halves fewer were answered than arrived.

    Args:
        answered: int64 ``[QUARTERS]``, how many in each quarter.
        edges_ns: int64 ``[QUARTERS + 1]``, the quarters.
    """
    arrived = _counts(records.intended_ns, edges_ns)
    half_s = float(edges_ns[-1] - edges_ns[0]) / 2e9
    within = (records.intended_ns >= edges_ns[0]) & (records.intended_ns < edges_ns[-1])
    in_system = float((records.done_ns - records.intended_ns)[within].sum()) / 1e9 / (2 * half_s)
    halves = zip(*(counts.reshape(2, -1).sum(axis=1) / half_s for counts in (arrived, answered)), strict=True)
    return all(
        achieved < offered and validity.rate_held(offered, achieved, half_s, in_system) is not None
        for offered, achieved in halves
    )


def _late(records: Records, max_in_flight: int) -> bool:
    """Whether the waiting was in the client, by the requests that came before so many could be out."""
    over = np.searchsorted(np.sort(records.done_ns), records.intended_ns, side="right")
    full = np.flatnonzero(np.arange(len(over)) - over >= max_in_flight)
    until = int(full[0]) if len(full) else len(over)
    sent = np.flatnonzero(records.sent_ns[:until])
    lag_ns = (records.sent_ns - records.intended_ns)[sent].sum()
    waited_ns = (records.done_ns - records.intended_ns)[sent].sum()
    return bool(lag_ns >= LAG_SHARE * waited_ns)


def _counts(times_ns: np.ndarray, edges_ns: np.ndarray) -> np.ndarray:
    """How many times lie between each two edges: int64 ``[edges - 1]``."""
    return np.diff(np.searchsorted(np.sort(times_ns), edges_ns))
