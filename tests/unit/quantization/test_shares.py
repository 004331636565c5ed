"""Shares of the same items: known values, and whether the intervals keep their promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from tailbed.quantization.shares import mcnemar_p, paired_interval, share_interval

COUNTS = st.integers(0, 60)


@pytest.mark.parametrize(
    ("only_first", "only_second", "items", "level", "expected"),
    [
        # Fagerland, Lydersen and Laake (2014), airway hyper-responsiveness before and after: -0.517 to -0.026.
        (1, 7, 21, 0.95, (-0.5172, -0.0260)),
        # R, PropCIs::scoreci.mp(25, 28, 618), 90%.
        (28, 25, 618, 0.90, (-0.0148, 0.0247)),
    ],
)
def test_the_interval_is_that_of_published_examples(
    only_first: int, only_second: int, items: int, level: float, expected: tuple[float, float]
) -> None:
    assert paired_interval(only_first, only_second, items, level) == pytest.approx(expected, abs=5e-5)


def test_the_exact_test_is_that_of_a_published_example() -> None:
    assert mcnemar_p(1, 7) == pytest.approx(0.0703, abs=5e-5), "Fagerland, Lydersen and Laake (2013)"


@given(COUNTS, COUNTS)
def test_the_exact_test_is_the_binomial_test_of_one_half(only_first: int, only_second: int) -> None:
    found = mcnemar_p(only_first, only_second)
    if only_first + only_second == 0:
        assert found is None
    else:
        assert found == pytest.approx(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def test_the_exact_test_of_very_many_items_is_a_number() -> None:
    found = mcnemar_p(40_000, 41_000)
    assert found == pytest.approx(2 * binom.cdf(40_000, 81_000, 0.5), rel=1e-6)


@given(COUNTS, COUNTS, st.integers(0, 400))
def test_the_interval_holds_the_estimate_and_is_mirrored(only_first: int, only_second: int, equal: int) -> None:
    items = only_first + only_second + equal
    if items == 0:
        return
    low, high = paired_interval(only_first, only_second, items)
    assert -1 <= low <= (only_first - only_second) / items + 1e-9
    assert (only_first - only_second) / items - 1e-9 <= high <= 1
    mirrored = paired_interval(only_second, only_first, items)
    assert mirrored == pytest.approx((-high, -low), abs=1e-9)


def test_items_that_never_differ_leave_an_interval() -> None:
    low, high = paired_interval(0, 0, 450)
    limit = 1.959964**2
    assert (low, high) == pytest.approx((-limit / (450 + limit), limit / (450 + limit)), rel=1e-5)


@pytest.mark.parametrize(("apart", "difference"), [(0.02, 0.0), (0.05, 0.01), (0.10, 0.05), (0.30, 0.10)])
def test_the_interval_covers_the_truth_as_often_as_it_says(apart: float, difference: float) -> None:
    """Of 2,000 evaluations on 450 items, 95% of the intervals are to hold the true difference."""
    rng = np.random.default_rng(7)
    first, second = (apart + difference) / 2, (apart - difference) / 2
    drawn = rng.multinomial(450, (first, second, 1 - first - second), size=2000)
    intervals = [paired_interval(int(a), int(b), 450) for a, b, _ in drawn]
    covered = np.mean([low <= difference <= high for low, high in intervals])
    # Three standard errors of 2,000 draws are 1.5 points; the score interval is a little wide where few items differ.
    assert 0.935 <= covered <= 0.985


@given(st.integers(1, 200), st.data())
def test_the_share_interval_is_exact(items: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, items))
    found = binomtest(count, items).proportion_ci(0.95, method="exact")
    assert share_interval(count, items) == pytest.approx((found.low, found.high), abs=1e-9)
    assert not math.isnan(sum(share_interval(count, items)))
