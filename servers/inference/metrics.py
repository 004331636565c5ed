"""A served model's Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_BUCKETS: Final = tuple(
    round(step * 10.0**exponent, 6)
    for exponent in range(-5, 2)
    for step in (1, 2, 5)
    if 5e-5 <= step * 10.0**exponent <= 10
)
"""50 microseconds to 10 seconds, three to a decade."""
_SIZES: Final = tuple(2**exponent for exponent in range(11))
"""1 to 1024 items, in powers of two."""


class ModelMetrics:
    """Counters and histograms of one model, and the process's own CPU and memory.

    Attributes:
        registry: what a scrape is generated from.
        queue: seconds that a request waited for an instance, and for others to join its batch.
        compute: seconds that an instance computed on it, or on its batch.
        ready: 1 while the model can be asked, else 0.

    Args:
        model: the model's name, which labels them all.
        batching: whether requests are batched dynamically.
    """

    def __init__(self, model: str, *, batching: bool = False) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "tailbed_requests", "Inference requests received.", ["model"], registry=self.registry
        ).labels(model)
        self._failures = Counter(
            "tailbed_request_failures", "Inference requests not answered.", ["model"], registry=self.registry
        ).labels(model)
        self.ready = Gauge(
            "tailbed_model_ready", "Whether the model can be asked: 1 or 0.", ["model"], registry=self.registry
        ).labels(model)
        self.queue = Histogram(
            "tailbed_queue_duration_seconds",
            "Time that a request waited for a model instance.",
            ["model"],
            registry=self.registry,
            buckets=_BUCKETS,
        ).labels(model)
        self.compute = Histogram(
            "tailbed_compute_duration_seconds",
            "Time that a model instance computed on a request.",
            ["model"],
            registry=self.registry,
            buckets=_BUCKETS,
        ).labels(model)
        self._batches = (
            Histogram(
                "tailbed_batch_size",
                "Items that a model instance computed together.",
                ["model"],
                registry=self.registry,
                buckets=_SIZES,
            ).labels(model)
            if batching
            else None
        )

    def computed_together(self, items: int) -> None:
        """Count one batch of so many items, where there is dynamic batching."""
        if self._batches is not None:
            self._batches.observe(items)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count one request; what leaves the block by an exception is a failure."""
        self._requests.inc()
        try:
            yield
        except BaseException:  # a client that goes away cancels, and was not answered either
            self._failures.inc()
            raise
