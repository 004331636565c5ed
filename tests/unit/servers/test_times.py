"""Queue and compute times from a server's metrics."""

import pytest
from prometheus_client import generate_latest

from servers import ServerTimes, mean_times
from servers.inference.metrics import ModelMetrics
from servers.inference.times import times_in
from servers.metrics import Metrics


def test_times_are_the_sums_of_what_the_server_observed() -> None:
    kept = ModelMetrics("m")
    for queue_s, compute_s in ((0.001, 0.02), (0.003, 0.04)):
        kept.queue.observe(queue_s)
        kept.compute.observe(compute_s)
    metrics = Metrics.parse(generate_latest(kept.registry).decode())
    times = times_in(metrics, "m")
    assert times is not None
    assert (times.requests, times.queue_s, times.compute_s) == (2, pytest.approx(0.004), pytest.approx(0.06))
    assert times_in(metrics, "another") is None


def test_a_total_is_over_all_samples_that_have_the_labels() -> None:
    text = 'n_total{model="a",version="1"} 2\nn_total{model="a",version="2"} 3\nn_total{model="b",version="1"} 7\n'
    metrics = Metrics.parse(text)
    assert metrics.total("n_total", model="a") == 5
    assert metrics.total("n_total") == 12
    assert metrics.total("n_total", model="c") is None
    assert metrics.total("another") is None


@pytest.mark.parametrize("text", ["<html>", 'n_total{model="a 1', "n_total one"])
def test_what_is_no_metrics_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the library has many messages
        Metrics.parse(text)


def test_nothing_answers() -> None:
    assert Metrics.scrape("http://127.0.0.1:1/metrics") is None


def test_means_are_of_the_requests_between_the_looks() -> None:
    before = ServerTimes(10, 1.0, 2.0)
    assert mean_times(before, ServerTimes(14, 1.002, 2.04)) == (pytest.approx(0.5), pytest.approx(10))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ServerTimes(1, 0, 0)),
        (ServerTimes(1, 0, 0), None),
        (ServerTimes(1, 0, 0), ServerTimes(1, 0, 0)),
        (ServerTimes(9, 1, 1), ServerTimes(3, 0.1, 0.1)),
        (ServerTimes(9, 1, 1), ServerTimes(10, 0.1, 0.1)),
    ],
)
def test_there_is_no_mean_without_two_looks_at_one_server(
    before: ServerTimes | None, after: ServerTimes | None
) -> None:
    assert mean_times(before, after) is None
