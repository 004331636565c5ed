"""Where the time of our own servers goes, from the histograms that ``ModelMetrics`` keeps."""

from __future__ import annotations

from servers.endpoint import Endpoint
from servers.metrics import Metrics
from servers.times import ServerTimes


def read_times(endpoint: Endpoint) -> ServerTimes | None:
    """The sums so far; None where the server does not tell them."""
    metrics = Metrics.scrape(endpoint.metrics_url) if endpoint.metrics_url else None
    return None if metrics is None else times_in(metrics, endpoint.model)


def times_in(metrics: Metrics, model: str) -> ServerTimes | None:
    """The same from a scrape."""
    requests = metrics.total("tailbed_compute_duration_seconds_count", model=model)
    queue_s = metrics.total("tailbed_queue_duration_seconds_sum", model=model)
    compute_s = metrics.total("tailbed_compute_duration_seconds_sum", model=model)
    if requests is None or queue_s is None or compute_s is None:
        return None
    return ServerTimes(int(requests), queue_s, compute_s)
