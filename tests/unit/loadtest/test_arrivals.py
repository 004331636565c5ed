"""Arrivals: the rate and the distribution that a scenario asks for, the same ones for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loadtest.arrivals import schedule
from loadtest.scenario import OpenLoop

rates = st.floats(0.01, 20_000, allow_nan=False)
lengths = st.floats(0.001, 3, allow_nan=False)
seeds = st.integers(0, 2**63)


@given(st.sampled_from(["poisson", "constant"]), rates, lengths, seeds)
def test_any_schedule_ascends_within_its_length(arrivals: str, rate: float, length_s: float, seed: int):
    times = schedule(OpenLoop(arrivals=arrivals, rate=rate), length_s=length_s, seed=seed)
    assert times.dtype == np.int64
    assert (np.diff(times) >= 0).all()
    assert not len(times) or (times[0] >= 0 and times[-1] < length_s * 1e9 + 1)


@given(rates, lengths, seeds)
def test_the_same_seed_arrives_at_the_same_times(rate: float, length_s: float, seed: int):
    scenario = OpenLoop(rate=rate)
    one, same = (schedule(scenario, length_s=length_s, seed=seed) for _ in range(2))
    assert np.array_equal(one, same)


@given(rates, lengths, seeds)
def test_a_longer_run_begins_with_the_shorter_one(rate: float, length_s: float, seed: int):
    scenario = OpenLoop(rate=rate)
    short, long = (schedule(scenario, length_s=length, seed=seed) for length in (length_s, 2 * length_s))
    assert np.array_equal(long[: len(short)], short)


def test_another_seed_arrives_at_other_times():
    one, other = (schedule(OpenLoop(rate=1000), length_s=1, seed=seed) for seed in (1, 2))
    assert not np.array_equal(one[:100], other[:100])


@pytest.mark.parametrize("rate", [5.0, 300.0, 25_000.0])
def test_poisson_gaps_are_exponential_with_the_mean_that_the_rate_asks_for(rate: float):
    times = schedule(OpenLoop(rate=rate), length_s=20_000 / rate, seed=7)
    gaps_s = np.diff(times, prepend=0) / 1e9
    assert stats.kstest(gaps_s, stats.expon(scale=1 / rate).cdf).pvalue > 0.01
    # Independent of one another, which a Kolmogorov-Smirnov test does not see.
    assert abs(np.corrcoef(gaps_s[:-1], gaps_s[1:])[0, 1]) < 4 / np.sqrt(len(gaps_s))


def test_poisson_counts_vary_as_they_should():
    """The variance of a Poisson count is its mean; a sum of 400 such counts is chi-squared."""
    times = schedule(OpenLoop(rate=100), length_s=400, seed=3)
    counts = np.bincount(times // 1_000_000_000, minlength=400)
    low, high = stats.chi2(399).ppf([0.005, 0.995])
    assert low < ((counts - 100) ** 2).sum() / 100 < high


@pytest.mark.parametrize(("rate", "length_s", "count"), [(200, 10, 2000), (0.3, 10, 3), (3, 1, 3), (1, 0.5, 1)])
def test_constant_arrivals_are_evenly_apart_and_as_many_as_rate_times_length(rate: float, length_s: float, count: int):
    times = schedule(OpenLoop(arrivals="constant", rate=rate), length_s=length_s, seed=0)
    assert len(times) == count
    assert times[0] == 0
    assert np.abs(np.diff(times) - 1e9 / rate).max(initial=0) <= 1
