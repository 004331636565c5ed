"""LoadGen's bound against numbers from its rules, its source and its published logs."""

import numpy as np
import pytest

from tailbed.analysis.early_stopping import early_stopping_bound, overlatency_allowed
from tailbed.analysis.percentiles import sample_floor


@pytest.mark.parametrize(
    ("requests", "fraction", "discarded"),
    [
        # "Would discard N highest latency queries" in published mlperf_log_summary.txt files: one less than allowed.
        (201, 0.9, 9),
        (659, 0.9, 47),
        (708, 0.9, 51),
        (79_944, 0.9, 7_796),
        (708, 0.99, 0),
    ],
)
def test_published_logs(requests: int, fraction: float, discarded: int) -> None:
    assert overlatency_allowed(requests, fraction) - 1 == discarded


def test_smallest_runs() -> None:
    # LoadGen: "Need to process at least 64 queries" for P90, 662 for P99; 459 without a late one.
    assert [overlatency_allowed(n, 0.9) for n in (63, 64)] == [0, 1]
    assert [overlatency_allowed(n, 0.99) for n in (458, 459, 661, 662)] == [-1, 0, 0, 1]


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_agrees_with_the_sample_floor(fraction: float) -> None:
    floor = sample_floor(fraction)
    assert [overlatency_allowed(n, fraction) for n in (floor - 1, floor)] == [0, 1]


def test_is_the_largest_of_a_small_run() -> None:
    latencies = np.random.default_rng(0).permutation(708).astype(float)
    assert early_stopping_bound(latencies, 0.99) == 707.0
    assert early_stopping_bound(latencies, 0.9) == 707.0 - 51
    assert early_stopping_bound(latencies[:661], 0.99) is None


def test_failures_are_in_it() -> None:
    latencies = np.append(np.ones(707), np.inf)
    assert early_stopping_bound(latencies, 0.99) == np.inf
    assert early_stopping_bound(latencies, 0.9) == 1.0


def test_lies_above_the_true_percentile_in_99_of_100_runs() -> None:
    rng = np.random.default_rng(1)
    for requests in (700, 2_000):
        bounds = [early_stopping_bound(rng.random(requests), 0.99) for _ in range(4_000)]
        assert np.mean(np.array(bounds) > 0.99) >= 0.985


def test_comes_down_to_the_percentile_as_requests_are_added() -> None:
    shares = [1 - overlatency_allowed(n, 0.99) / n for n in (1_000, 10_000, 100_000, 1_000_000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(0.99, abs=0.0003)
