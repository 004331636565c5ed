"""Where a server's time goes, by its own account."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerTimes:
    """Sums over all inference requests that a server has computed since its start.

    Attributes:
        requests: how many.
        queue_s: seconds for which they waited for a model instance; None where the server does not tell them apart.
        compute_s: seconds for which an instance computed on them.
    """

    requests: int
    queue_s: float | None
    compute_s: float


def mean_times(before: ServerTimes | None, after: ServerTimes | None) -> tuple[float | None, float] | None:
    """Mean queue and compute time in milliseconds of the requests between two looks.

    None where a look failed, where there were no such requests, or where the server has started again meanwhile; a
    queue time of None where the server does not tell it.
    """
    if before is None or after is None:
        return None
    requests = after.requests - before.requests
    compute_s = after.compute_s - before.compute_s
    queue_s = None if after.queue_s is None or before.queue_s is None else after.queue_s - before.queue_s
    if requests <= 0 or compute_s < 0 or (queue_s is not None and queue_s < 0):
        return None
    return None if queue_s is None else queue_s / requests * 1e3, compute_s / requests * 1e3
