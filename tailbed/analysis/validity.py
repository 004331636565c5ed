"""The validity gates: each looks at one way in which a run's figures could be wrong, and says so with its figure.

Sources: the validity rules of MLPerf Inference's LoadGen; Lancet (Kogias et al., ATC 2019); Treadmill (Zhang et al.,
ISCA 2016). A gate returns None when it is passed, otherwise the reason. An INVALID run is shown and kept; it takes no
part in a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tailbed.analysis.percentiles import sample_floor

RATE_TOLERANCE = 0.01
LAG_FLOOR_MS = 1.0
LAG_SHARE = 0.05
BUSY_LIMIT = 0.70
ERROR_LIMIT = 0.001


def finished(done: bool, measured_s: float, planned_s: float, lost: str | None = None) -> str | None:
    """The whole window was measured.

    Args:
        done: whether it was.
        measured_s, planned_s: lengths of the window.
        lost: which of several engines did not measure to the end.
    """
    if done:
        return None
    why = f": {lost}" if lost else ""
    return f"incomplete: stopped after {measured_s:.1f} s of the {planned_s:g} s window{why}"


def warmed_up(unsteady: str | None) -> str | None:
    """The run was steady before it was measured.

    Args:
        unsteady: why it was not, by the rule of windows.
    """
    return unsteady


def requests_enough(requests: int) -> str | None:
    """There are requests enough to quote at least a median."""
    floor = sample_floor(0.5)
    if requests >= floor:
        return None
    return f"only {requests} requests in the measured window: {floor} are the least for any figure"


def rate_held(offered: float | None, achieved: float, window_s: float, in_system: float) -> str | None:
    """An open loop's answers keep up with its arrivals within 1%; otherwise the queue grew or the client failed.

    What is under way at the window's two ends differs by chance even if nothing queues: by sqrt(2 L) requests, one
    standard deviation, where L are in the system on average (M/G/infinity). Three of these are let pass in any case.

    Args:
        offered: arrivals a second; None where there is no schedule at one rate.
        achieved: answers a second.
        window_s: length of the measured window.
        in_system: mean number of requests that were due and not yet answered, L.
    """
    if offered is None or window_s <= 0:
        return None
    allowed = max(RATE_TOLERANCE * offered, 3 * math.sqrt(2 * in_system) / window_s)
    if abs(achieved - offered) <= allowed:
        return None
    return f"achieved {achieved:.5g}/s of {offered:.5g}/s offered: off by more than {allowed:.2g}/s"


def lag_limit_ms(response_p50_ms: float | None) -> float:
    """How late the client may send: 1 ms, or 5% of the median where that is more."""
    return max(LAG_FLOOR_MS, LAG_SHARE * (response_p50_ms or 0.0))


def schedule_kept(lag_p99_ms: float | None, response_p50_ms: float | None) -> str | None:
    """The client sent on time: P99 of the lag is within the limit.

    Args:
        lag_p99_ms: of all requests sent, however few; None where none was, or where all were due at the start.
        response_p50_ms: the median that is quoted, if one is.
    """
    limit = lag_limit_ms(response_p50_ms)
    if lag_p99_ms is None or lag_p99_ms <= limit:
        return None
    return f"client late: P99 of the schedule lag is {lag_p99_ms:.2f} ms, limit {limit:.2f} ms"


def client_idle_enough(busy: float | None) -> str | None:
    """The client had time to spare: it computed for less than 70% of its core."""
    if busy is None or busy < BUSY_LIMIT:
        return None
    return f"client busy {busy:.0%} of its core, limit {BUSY_LIMIT:.0%}"


def stalls_known(dropped: int) -> str | None:
    """Every stall of the client's core was written down, so that it can be told which percentiles they touch.

    Args:
        dropped: stalls that were more than the engine keeps.
    """
    if dropped == 0:
        return None
    return f"the client's core was taken away {dropped} times more than could be written down"


def client_not_capped(cap_hits: int, cap: int) -> str | None:
    """No request had to wait in the client because too many were outstanding."""
    if cap_hits == 0:
        return None
    return f"{cap_hits} requests waited in the client: {cap} were outstanding already"


def errors_rare(errors: int, requests: int, kinds: Mapping[str, int]) -> str | None:
    """Fewer than 0.1% of the requests failed."""
    if errors == 0 or errors < ERROR_LIMIT * requests:
        return None
    named = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1]))
    return f"{errors} of {requests} requests failed ({errors / requests:.2%}): {named}"


def answers_right(wrong: int, checked: int, first_wrong: str | None) -> str | None:
    """No sampled answer differs from the artifact's own."""
    if wrong == 0:
        return None
    return f"{wrong} of {checked} checked answers are wrong: {first_wrong}"


def server_alive(exit_code: int | None) -> str | None:
    """The server was still running when the load ended."""
    if exit_code is None:
        return None
    return f"the server died during the run (exit code {exit_code})"
