"""Metrics from the engine's rows: the same counts, however the rows come."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from loadtest.driver.metrics import BOUNDS_S, LoadMetrics
from loadtest.plan import LoadPlan, Share
from loadtest.records import Outcome
from loadtest.scenario import AnyScenario, ClosedLoop, OpenLoop
from loadtest.spool import DTYPE

LABELS = ("target", "protocol", "model", "scenario", "kind", "le")


def plan(scenario: AnyScenario, **fields: object) -> LoadPlan:
    asked = {"protocol": "oip-http", "url": "http://x:1", "model": "m", "pool": Path("p"), "duration_s": 1}
    return LoadPlan(scenario=scenario, **asked | fields)


def rows(response_s: list[float], outcome: int = Outcome.OK) -> np.ndarray:
    found = np.zeros(len(response_s), dtype=DTYPE)
    found["intended_ns"] = 10**9
    found["done_ns"] = found["intended_ns"] + np.round(np.array(response_s) * 1e9).astype(np.int64)
    found["outcome"] = outcome
    return found


def told(metrics: LoadMetrics) -> dict[tuple[str, ...], float]:
    """Each sample's value by its name and the values of its labels, as a scrape has them."""
    registry = CollectorRegistry()
    registry.register(metrics)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    samples = [sample for family in families for sample in family.samples]
    return {(one.name, *(one.labels[name] for name in LABELS if name in one.labels)): one.value for one in samples}


def test_a_run_is_counted_under_its_labels():
    metrics = LoadMetrics(lambda: 3)
    metrics.begin(plan(OpenLoop(rate=100), share=Share(of=4, index=1)), "triton")
    metrics.add(rows([0.0001, 0.00011, 20.0]))
    metrics.add(rows([0.5], Outcome.TIMEOUT))
    metrics.add(rows([0.5, 0.5], Outcome.HTTP + 503))
    labels = ("triton", "oip-http", "m", "poisson 100/s")
    found = told(metrics)
    assert found["tailbed_requests_total", *labels] == 6
    assert found["tailbed_failures_total", *labels, "timeout"] == 1
    assert found["tailbed_failures_total", *labels, "http 503"] == 2
    assert found["tailbed_response_seconds_sum", *labels] == pytest.approx(21.50021)
    buckets = [value for key, value in found.items() if key[0] == "tailbed_response_seconds_bucket"]
    assert len(buckets) == len(BOUNDS_S) + 1
    assert buckets[:2] == [1, 2]
    assert buckets[-2:] == [5, 6]
    assert found["tailbed_offered_rate", *labels] == 25
    assert found["tailbed_users",] == 3
    metrics.end(2)
    found = told(metrics)
    assert found["tailbed_failures_total", *labels, "wrong answer"] == 2
    assert found["tailbed_requests_total", *labels] == 6
    assert not any(name == "tailbed_offered_rate" for name, *_ in found)


def test_a_kind_of_failure_is_told_before_its_first_one():
    """Prometheus sees a counter rise only where it has seen it before; wrong answers come all at once, in the end."""
    metrics = LoadMetrics(None)
    metrics.begin(plan(ClosedLoop()), "t")
    found = {key[-1]: value for key, value in told(metrics).items() if key[0] == "tailbed_failures_total"}
    assert found == dict.fromkeys(("refused", "reset", "timeout", "malformed", "stopped", "wrong answer"), 0)


def test_a_later_run_does_not_reset_what_was_counted():
    metrics = LoadMetrics(None)
    for target, scenario in (("a", ClosedLoop()), ("b", ClosedLoop()), ("a", ClosedLoop())):
        metrics.begin(plan(scenario), target)
        metrics.add(rows([0.1]))
        metrics.end(0)
    found = {key[1]: value for key, value in told(metrics).items() if key[0] == "tailbed_requests_total"}
    assert found == {"a": 2, "b": 1}
    assert ("tailbed_users",) not in told(metrics)


def test_buckets_are_fine_from_a_tenth_of_a_millisecond_to_ten_seconds():
    assert (BOUNDS_S[0], BOUNDS_S[-1]) == (0.0001, 10.0)
    assert (BOUNDS_S[1:] / BOUNDS_S[:-1]).max() < 1.3


@given(st.lists(st.floats(0, 30), max_size=50), st.integers(0, 50))
def test_a_bucket_has_all_that_took_no_longer(response_s: list[float], at: int):
    metrics = LoadMetrics(None)
    metrics.begin(plan(ClosedLoop()), "t")
    for part in (rows(response_s[:at]), rows(response_s[at:])):
        metrics.add(part)
    response = np.round(np.array(response_s) * 1e9).astype(np.int64) / 1e9
    found = [value for key, value in told(metrics).items() if key[0] == "tailbed_response_seconds_bucket"]
    assert found == [np.count_nonzero(response <= bound) for bound in (*BOUNDS_S, np.inf)]
