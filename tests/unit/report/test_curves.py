"""Percentile curves: exact at every point, never below the truth between them, and no longer than the sample."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.analysis.percentiles import percentile, sample_floor
from tailbed.analysis.times import response_ms
from tailbed.report.distributions.curves import MARKS, percentile_curve
from tests.unit.report.experiments import make_records

latencies = st.builds(
    lambda seed, answered, failed: np.concatenate(
        [np.random.default_rng(seed).lognormal(0, 1, answered), np.full(failed, np.inf)]
    ),
    st.integers(0, 2**32 - 1),
    st.integers(0, 3000),
    st.integers(0, 40),
)


@given(latencies, st.integers(2, 400))
def test_every_point_is_numpys_percentile_at_its_rank(response: np.ndarray, points: int) -> None:
    curve = percentile_curve(response, points)
    n = len(response)
    assert curve.requests == n
    assert curve.failures == np.isinf(response).sum()
    for rank, value in zip(curve.ranks.tolist(), curve.response_ms.tolist(), strict=True):
        # Half a rank below, so that rounding cannot make numpy take the next one.
        assert value == np.quantile(response, (rank - 0.5) / n, method="inverted_cdf")


@given(latencies, st.integers(2, 400))
def test_a_curve_ends_where_the_sample_or_the_answers_do(response: np.ndarray, points: int) -> None:
    curve = percentile_curve(response, points)
    last = min(len(response) - 1, int(np.isfinite(response).sum()))
    assert np.isfinite(curve.response_ms).all()
    assert (np.diff(curve.ranks) > 0).all()
    if last < 1:
        assert len(curve.ranks) == 0
    else:
        assert (curve.ranks[0], curve.ranks[-1]) == (1, last)


@given(latencies, st.integers(2, 400))
def test_what_is_left_out_spans_less_than_one_step_of_the_axis(response: np.ndarray, points: int) -> None:
    curve = percentile_curve(response, points)
    n = len(response)
    if len(curve.ranks) < 2:
        return

    def height(rank: int) -> float:
        return -math.log10(1 - rank / n)

    step = (height(int(curve.ranks[-1])) - height(1)) / (points - 1)
    assert len(curve.ranks) <= points + len(MARKS) + 2
    for rank, following in zip(curve.ranks.tolist(), curve.ranks[1:].tolist(), strict=False):
        assert following == rank + 1 or height(following - 1) - height(rank) <= step * (1 + 1e-6)


@given(latencies)
def test_the_marks_are_the_percentiles_of_the_table(response: np.ndarray) -> None:
    curve = percentile_curve(response, 2)
    for mark in MARKS:
        value = curve.at(mark)
        rank = math.ceil(mark * len(response))
        if value is None:
            assert rank > min(len(response) - 1, np.isfinite(response).sum())
        else:
            assert value == percentile(response, float(mark))


@pytest.mark.parametrize("n", [1, 2, 10, 11, 661, 662, 6635, 6636, 20_000])
def test_quotable_agrees_with_the_tables_sample_floor(n: int) -> None:
    curve = percentile_curve(np.arange(1.0, n + 1), 50)
    for text in ("0.5", "0.9", "0.99", "0.999"):
        mark = Fraction(text)
        assert curve.quotes(mark) == (n >= sample_floor(float(mark))), text


def test_responses_are_of_the_measured_window_and_failures_are_infinite() -> None:
    response = response_ms(make_records(np.linspace(1, 2, 100), failed=3))
    assert len(response) == 100, "the warm-up is not in it"
    assert response[:97] == pytest.approx(np.linspace(1, 2, 100)[:97])
    assert np.isinf(response[97:]).all()
