"""Where Triton's time goes, from its metrics.

Each request counts with the time of its whole batch, as in our own servers. What Triton calls compute input, infer and
output is what an instance does on a request: for the Python backend it is all in infer, with the way to its process.
"""

from __future__ import annotations

import time
from typing import Final

from servers.endpoint import Endpoint
from servers.metrics import Metrics
from servers.times import ServerTimes

_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.02


def read_times(endpoint: Endpoint) -> ServerTimes | None:
    """The sums so far; None where the server does not tell them within 5 s.

    It opens the port of its metrics last, after it is ready.
    """
    if endpoint.metrics_url is None:
        return None
    deadline = time.monotonic() + _PATIENCE_S
    while (metrics := Metrics.scrape(endpoint.metrics_url)) is None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return None if metrics is None else times_in(metrics, endpoint.model)


def times_in(metrics: Metrics, model: str) -> ServerTimes | None:
    """The same from a scrape. Only requests that succeeded are counted and timed.

    Triton names its counters without ``_total``, which their reader adds.
    """
    requests = metrics.total("nv_inference_request_success_total", model=model)
    queue_us = metrics.total("nv_inference_queue_duration_us_total", model=model)
    stages_us = [
        metrics.total(f"nv_inference_compute_{stage}_duration_us_total", model=model)
        for stage in ("input", "infer", "output")
    ]
    compute_us = [us for us in stages_us if us is not None]
    if requests is None or queue_us is None or len(compute_us) != len(stages_us):
        return None
    return ServerTimes(int(requests), queue_us / 1e6, sum(compute_us) / 1e6)
