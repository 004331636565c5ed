"""Run-level intervals: published t quantiles, properties, and their coverage on queues."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tailbed.analysis.intervals import Interval, NoInterval, run_interval
from tests.performance.queues import departures, poisson_arrivals, service_times

FIGURES = hnp.arrays(np.float64, st.integers(6, 12), elements=st.floats(0.01, 1e4))


def interval(values: np.ndarray) -> Interval:
    found = run_interval(values)
    assert isinstance(found, Interval)
    return found


@pytest.mark.parametrize(("runs", "quantile"), [(6, 2.5706), (8, 2.3646), (11, 2.2281), (31, 2.0423)])
def test_half_width_is_the_tabled_t_quantile(runs: int, quantile: float) -> None:
    logs = np.random.default_rng(runs).normal(size=runs)
    logs = (logs - logs.mean()) / logs.std(ddof=1)
    found = interval(np.exp(logs))
    assert found.estimate == pytest.approx(1.0)
    assert np.log(found.high) * np.sqrt(runs) == pytest.approx(quantile, abs=5e-5)
    assert found.low == pytest.approx(1 / found.high)
    assert found.runs == runs


def test_darwins_maize() -> None:
    # Fisher (1935): 15 differences in eighths of an inch with mean 20.93; 95% limits 0.03 and 41.84.
    eighths = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])
    found = interval(np.exp(eighths / 100))
    limits = 100 * np.log([found.estimate, found.low, found.high])
    assert limits == pytest.approx([20.93, 0.03, 41.84], abs=0.005)


def test_too_few_runs_have_no_interval() -> None:
    found = run_interval(np.array([1.0, 4.0, np.nan, 1.0, 4.0, 2.0, np.nan]))
    assert isinstance(found, NoInterval)
    assert (found.estimate, found.runs, found.reason) == (pytest.approx(2.0), 5, "insufficient: 5 runs, needs 6")
    assert run_interval(np.array([np.nan])) == NoInterval(None, 0, "insufficient: 0 runs, needs 6")


def test_invalid_runs_take_no_part() -> None:
    values = np.array([3.0, 1.0, 2.0, 5.0, 4.0, 6.0])
    assert run_interval(np.array([3.0, np.nan, 1.0, 2.0, 5.0, np.nan, 4.0, 6.0])) == run_interval(values)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf])
def test_a_figure_without_a_logarithm_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        run_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0, bad]))


@given(FIGURES, st.floats(0.01, 100))
def test_the_unit_does_not_matter(values: np.ndarray, scale: float) -> None:
    one, other = interval(values), interval(values * scale)
    assert [other.estimate, other.low, other.high] == pytest.approx(
        [scale * x for x in (one.estimate, one.low, one.high)]
    )


@given(FIGURES, st.randoms(use_true_random=False))
def test_the_order_of_runs_does_not_matter(values: np.ndarray, random: object) -> None:
    shuffled = values.copy()
    random.shuffle(shuffled)
    one, other = interval(values), interval(shuffled)
    assert [other.estimate, other.low, other.high] == pytest.approx([one.estimate, one.low, one.high])
    assert one.low <= one.estimate * (1 + 1e-9)
    assert one.estimate <= one.high * (1 + 1e-9)


def test_coverage_on_queues_where_requests_are_correlated() -> None:
    """M/M/1 at 70% load: run-level intervals hold, request-level ones do not."""
    rng = np.random.default_rng(11)
    experiments, blocks, warm, requests = 150, 8, 500, 3000
    arrivals = poisson_arrivals(rng, 0.7, (experiments * blocks, warm + requests))
    response = (departures(arrivals, service_times(rng, "exponential", arrivals.shape)) - arrivals)[:, warm:]
    ordered = np.sort(response, axis=1)
    p99 = ordered[:, round(0.99 * requests) - 1]

    truth = np.exp(np.log(p99).mean())
    found = [interval(values) for values in p99.reshape(experiments, blocks)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.90

    theory = np.log(100) / (1 - 0.7)  # the response time of M/M/1 is exponential
    assert np.quantile(response, 0.99) == pytest.approx(theory, rel=0.02)
    spread = 1.96 * np.sqrt(requests * 0.99 * 0.01)
    low, high = ordered[:, int(0.99 * requests - spread) - 1], ordered[:, int(0.99 * requests + spread)]
    assert np.mean((low <= theory) & (theory <= high)) < 0.6
