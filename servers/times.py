"""Where a server's time goes, by its own account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerTimes:
    """Sums over all inference requests that a server has computed since its start.

    Attributes:
        requests: how many.
        queue_s: seconds for which they waited for a model instance.
        compute_s: seconds for which an instance computed on them.
    """

    requests: int
    queue_s: float
    compute_s: float


def mean_times(before: ServerTimes | None, after: ServerTimes | None) -> tuple[float, float] | None:
    """Mean queue and compute time in milliseconds of the requests between two looks.

    None where a look failed, where there were no such requests, or where the server has started again meanwhile.
    """
    if before is None or after is None:
        return None
    requests = after.requests - before.requests
    queue_s, compute_s = after.queue_s - before.queue_s, after.compute_s - before.compute_s
    if requests <= 0 or queue_s < 0 or compute_s < 0:
        return None
    return queue_s / requests * 1e3, compute_s / requests * 1e3
