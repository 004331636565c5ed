"""Exact percentiles and sample floors, against published values and numpy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tailbed.analysis.percentiles import percentile, sample_floor


@given(
    hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(0, 1e6)),
    st.sampled_from([0.5, 0.9, 0.99, 0.999, 1.0]),
)
def test_is_numpys_inverted_cdf(values: np.ndarray, fraction: float) -> None:
    assert percentile(values, fraction) == np.percentile(values, 100 * fraction, method="inverted_cdf")


def test_rank_is_not_moved_by_floating_point() -> None:
    # 0.99 * 700 is 693.0000000000001 in binary floating point; the rank is 693, not 694.
    values = np.arange(1.0, 701.0)
    assert math.ceil(0.99 * 700) == 693 or percentile(values, 0.99) == 693.0
    assert percentile(np.arange(1.0, 101.0), 0.29) == 29.0


def test_the_input_is_left_as_it_was() -> None:
    values = np.array([3.0, 1.0, 2.0])
    percentile(values, 0.5)
    assert values.tolist() == [3.0, 1.0, 2.0]


def test_unanswered_requests_rank_above_every_answer() -> None:
    values = np.array([1.0] * 98 + [np.inf] * 2)
    assert percentile(values, 0.98) == 1.0
    assert percentile(values, 0.99) == np.inf


@pytest.mark.parametrize(("fraction", "floor"), [(0.99, 662), (0.999, 6636)])
def test_sample_floors_are_the_published_ones(fraction: float, floor: int) -> None:
    assert sample_floor(fraction) == floor


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.95])
def test_sample_floor_by_brute_force(fraction: float) -> None:
    def at_most_one_above(n: int) -> float:
        return sum(math.comb(n, k) * (1 - fraction) ** k * fraction ** (n - k) for k in (0, 1))

    first = next(n for n in range(2, 1000) if at_most_one_above(n) <= 0.01)
    assert sample_floor(fraction) == first


def test_sample_floor_keeps_its_promise_in_simulation() -> None:
    # From the floor on, two or more exceedances of the true P90 are seen in at least 99% of the samples.
    rng = np.random.default_rng(7)
    above = rng.random((20_000, sample_floor(0.9))) > 0.9
    assert (above.sum(axis=1) >= 2).mean() >= 0.985
