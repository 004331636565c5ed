"""A backlog that grows is found; a queue that is merely busy is not called growing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.analysis.backlog import backlog_steady, mean_in_system
from tests.performance.queues import SERVICES, departures, poisson_arrivals, service_times

MS = 1_000_000


def queue(seed: int, load: float, service: str, requests: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """A run of a mean service time of 1 ms, and its window after one sixth of warm-up."""
    rng = np.random.default_rng(seed)
    warm = requests // 6
    arrivals = poisson_arrivals(rng, load, (warm + requests + 1,))
    done = departures(arrivals, service_times(rng, service, arrivals.shape))
    intended_ns, done_ns = (arrivals * MS).astype(np.int64), (done * MS).astype(np.int64)
    return intended_ns, done_ns, int(intended_ns[warm]), int(intended_ns[-1])


def flagged(load: float, service: str, requests: int, runs: int = 100) -> float:
    return float(np.mean([backlog_steady(*queue(seed, load, service, requests)) is not None for seed in range(runs)]))


def test_mean_in_system_by_hand() -> None:
    # One request from 0 to 4, one from 2 to 12, one from 11 on.
    means = mean_in_system(np.array([0, 2, 11]), np.array([4, 12, 99]), np.array([0, 5, 10, 15]))
    assert means.tolist() == [(4 + 3) / 5, 1.0, (2 + 4) / 5]


@given(
    st.lists(st.tuples(st.integers(-50, 150), st.integers(0, 80)), max_size=30),
    st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True).map(sorted),
)
def test_mean_in_system_is_the_overlap_of_each_request(requests: list[tuple[int, int]], edges: list[int]) -> None:
    offset = 10**15  # a clock does not start at zero
    begun = np.array([begin for begin, _ in requests], dtype=np.int64) + offset
    over = begun + np.array([length for _, length in requests], dtype=np.int64)
    means = mean_in_system(begun, over, np.array(edges) + offset)
    for mean, left, right in zip(means, edges, edges[1:], strict=False):
        overlap = sum(max(0, min(b + n, right) - max(b, left)) for b, n in requests)
        assert mean == pytest.approx(overlap / (right - left))


def test_littles_law() -> None:
    intended_ns, done_ns, start_ns, end_ns = queue(1, 0.5, "exponential", 50_000)
    mean = mean_in_system(intended_ns, done_ns, np.array([start_ns, end_ns]))[0]
    assert mean == pytest.approx(0.5 / (1 - 0.5), rel=0.1)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("load", "requests", "limit"), [(0.3, 1_000, 0.01), (0.9, 2_000, 0.08), (0.9, 12_000, 0.02)])
def test_a_stable_queue_is_rarely_called_growing(service: str, load: float, requests: int, limit: float) -> None:
    assert flagged(load, service, requests) <= limit


@pytest.mark.parametrize(
    ("service", "load", "requests", "power"),
    [
        ("narrow", 1.05, 12_000, 0.95),
        ("exponential", 1.05, 12_000, 0.9),
        ("wide", 1.05, 12_000, 0.85),
        ("narrow", 1.02, 12_000, 0.75),
        ("exponential", 1.02, 60_000, 0.85),
        ("exponential", 1.1, 2_000, 0.9),
        ("exponential", 1.5, 1_000, 1.0),
    ],
)
def test_a_queue_past_capacity_is_found(service: str, load: float, requests: int, power: float) -> None:
    assert flagged(load, service, requests, runs=50) >= power


def test_the_reason_has_its_figures() -> None:
    intended_ns = np.arange(12_000, dtype=np.int64) * MS
    done_ns = intended_ns + intended_ns // 10 + MS  # 10% too slow
    assert backlog_steady(intended_ns, done_ns, 2_000 * MS, 12_000 * MS) == (
        "backlog grows by 909 requests over the window, 637 on average (tau 1.00)"
    )


def test_one_long_stall_is_not_growth() -> None:
    intended_ns = np.arange(10_000, dtype=np.int64) * MS
    for at in (500, 5_000, 9_000):
        services = np.full(10_000, 0.5)
        services[at] = 400.0
        done_ns = (departures(np.arange(10_000.0), services) * MS).astype(np.int64)
        assert backlog_steady(intended_ns, done_ns, 0, 10_000 * MS) is None


def test_a_slow_drift_of_a_steady_server_is_not_growth() -> None:
    intended_ns = np.arange(10_000, dtype=np.int64) * MS
    done_ns = intended_ns + np.linspace(20 * MS, 25 * MS, 10_000).astype(np.int64)  # 20 to 25 in the system
    assert backlog_steady(intended_ns, done_ns, 0, 10_000 * MS) is None
    done_ns = intended_ns + np.linspace(MS // 10, MS, 10_000).astype(np.int64)  # ten times slower, never one waiting
    assert backlog_steady(intended_ns, done_ns, 0, 10_000 * MS) is None


def test_nothing_to_look_at() -> None:
    none = np.empty(0, dtype=np.int64)
    assert backlog_steady(none, none, 0, 10_000 * MS) is None
    assert backlog_steady(none, none, 5, 5) is None
