"""A model's metrics as a scraper reads them."""

from itertools import pairwise

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from servers.inference.metrics import ModelMetrics


def _samples(metrics: ModelMetrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {sample.name: sample.value for sample in samples if sample.labels.get("model") == "m"}


def test_requests_and_failures_are_counted() -> None:
    metrics = ModelMetrics("m")
    with metrics.request():
        pass
    with pytest.raises(ValueError, match="bad"), metrics.request():
        raise ValueError("bad")
    samples = _samples(metrics)
    assert samples["tailbed_requests_total"] == 2
    assert samples["tailbed_request_failures_total"] == 1


def test_buckets_reach_from_50_microseconds_to_10_seconds() -> None:
    metrics = ModelMetrics("m")
    text = generate_latest(metrics.registry).decode()
    for name in ("queue", "compute"):
        bounds = [
            float(sample.labels["le"])
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"tailbed_{name}_duration_seconds_bucket"
        ]
        assert bounds[0] == 50e-6
        assert bounds[-2:] == [10.0, float("inf")]
        assert all(2 <= upper / lower <= 2.5 for lower, upper in pairwise(bounds[:-1]))


def test_a_model_that_was_never_asked_shows_zeros() -> None:
    samples = _samples(ModelMetrics("m"))
    assert samples["tailbed_requests_total"] == 0
    assert samples["tailbed_queue_duration_seconds_count"] == 0
