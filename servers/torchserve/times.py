"""Where the time of a request goes, by TorchServe's own account."""

from __future__ import annotations

from servers.metrics import Metrics
from servers.times import ServerTimes


def times_in(metrics: Metrics, model: str) -> ServerTimes | None:
    """The sums so far; None where there are none. They are of what came over REST; TorchServe has none for gRPC.

    Its queue latency is from a request's arrival until its batch goes to a worker. Its inference latency is from the
    arrival until the answer goes out: what is left of it is the worker's, with the way there and back.
    """
    requests = metrics.total("ts_inference_latency_microseconds_count", model_name=model)
    answered_us = metrics.total("ts_inference_latency_microseconds_sum", model_name=model)
    queue_us = metrics.total("ts_queue_latency_microseconds_sum", model_name=model)
    if requests is None or answered_us is None or queue_us is None:
        return None
    return ServerTimes(int(requests), queue_us / 1e6, (answered_us - queue_us) / 1e6)
