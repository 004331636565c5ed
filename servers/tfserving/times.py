"""Where TensorFlow Serving's time goes, from its Prometheus metrics.

``/tensorflow/serving/runtime_latency`` is the time of a request in the session, in microseconds, by model; with
batching that includes the wait for its batch, which ``/tensorflow/serving/batching_session/queuing_latency`` has, for
the whole server (``servables/tensorflow/util.cc`` and ``batching/batching_session.cc``). Without batching a request
waits in the session only, and how long is not told. In Prometheus' names a colon is in the place of each slash.
"""

from __future__ import annotations

from typing import Final

from servers.metrics import Metrics
from servers.times import ServerTimes

_RUNTIME: Final = ":tensorflow:serving:runtime_latency"
_QUEUE: Final = ":tensorflow:serving:batching_session:queuing_latency"


def times_in(metrics: Metrics, model: str) -> ServerTimes | None:
    """The sums in a scrape; None where there has been no request yet."""
    requests = metrics.total(f"{_RUNTIME}_count", model_name=model, API="Predict")
    runtime_us = metrics.total(f"{_RUNTIME}_sum", model_name=model, API="Predict")
    if requests is None or runtime_us is None:
        return None
    queue_us = metrics.total(f"{_QUEUE}_sum")
    if queue_us is None:
        return ServerTimes(int(requests), None, runtime_us / 1e6)
    return ServerTimes(int(requests), queue_us / 1e6, (runtime_us - queue_us) / 1e6)
