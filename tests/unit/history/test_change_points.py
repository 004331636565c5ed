"""Changes of level: what is marked, and that noise is not."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.history.change_points import FEWEST, LEVEL, change_points, fewest_figures, levels, penalty
from tests.performance.change_points import rates, steady

SERIES = 300


def test_a_clean_step_is_marked_where_it_is() -> None:
    figures = np.array([3.5, 3.6, 3.4, 3.55, 3.45, 4.5, 4.6, 4.4, 4.55, 4.45])
    assert change_points(figures) == [5]
    assert levels(figures, [5]) == pytest.approx([3.4992, 4.4994], abs=1e-3)


def test_two_steps_are_both_marked() -> None:
    rng = np.random.default_rng(1)
    logs = 0.02 * rng.normal(size=36)
    logs[12:24] += 0.3
    assert change_points(np.exp(logs)) == [12, 24]


def test_one_wild_experiment_is_no_change() -> None:
    figures = np.exp(0.03 * np.random.default_rng(2).normal(size=20))
    figures[9] *= 50
    assert change_points(figures) == []


def test_a_small_change_is_not_marked_however_sure() -> None:
    figures = np.exp(0.001 * np.random.default_rng(3).normal(size=20))
    figures[10:] *= 1.03
    assert change_points(figures) == []
    assert change_points(figures, smallest=0.01) == [10]


def test_too_few_figures_are_not_looked_at() -> None:
    assert fewest_figures(LEVEL) == 8
    figures = np.array([1.0, 1.01, 1.02, 9.0, 9.1, 9.2, 9.3])
    assert change_points(figures) == []
    assert change_points(np.append(figures[[0, 1, 2]] * 0.99, figures)) == [6]
    assert change_points(np.array([])) == []


def test_equal_figures_have_one_level() -> None:
    assert change_points(np.full(20, 2.5)) == []


def test_the_penalty_is_exceeded_by_random_orders_as_often_as_it_says() -> None:
    """Against all orders of eight: only those that are split 4 and 4 without an overlap gain more than the penalty."""
    assert penalty(8, LEVEL) == 30.0
    assert 8 * 16 / 4 == 32.0, "the gain of 1 to 4 before 5 to 8: k (n - k) / n times the squared difference of means"
    assert penalty(8, LEVEL / 8) == 32.0, "the largest there is: with so few nothing can be shown at this level"
    assert fewest_figures(LEVEL / 8) > 8


@pytest.mark.parametrize(("scatter", "n"), [("normal", 8), ("normal", 20), ("heavy tails", 12)])
def test_noise_is_marked_no_more_often_than_the_level_says(scatter: str, n: int) -> None:
    share = steady(np.random.default_rng(n), scatter, n, SERIES)
    # Three standard deviations of a share of 5% in so many series.
    assert share <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / SERIES)


@pytest.mark.parametrize(("scatter", "n"), [("normal", 10), ("normal", 20), ("heavy tails", 20)])
def test_a_step_of_a_fifth_is_found(scatter: str, n: int) -> None:
    found, _ = rates(np.random.default_rng(n), scatter, n, 1.2, n // 2, SERIES)
    assert found > 0.9


@given(st.lists(st.floats(1e-3, 1e6), max_size=30), st.integers(-10, 10))
def test_changes_have_figures_on_both_sides_and_do_not_depend_on_the_unit(values: list[float], power: int) -> None:
    figures = np.array(values)
    found = change_points(figures, smallest=0)
    if found:
        assert all(after - before >= FEWEST for before, after in pairwise([0, *found, len(values)]))
    # A power of two keeps every digit, so that no two figures become equal.
    assert len(change_points(figures * 2.0**power, smallest=0)) == len(found)
