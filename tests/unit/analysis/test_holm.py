"""Holm's correction against R and against the closure principle that proves it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.analysis.holm import holm


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # What R's p.adjust gives.
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.03125], [0.03125]),
        ([], []),
    ],
)
def test_known_values(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(np.array(p_values)).tolist() == pytest.approx(adjusted)


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=6))
def test_is_the_closure_of_bonferronis_test(p_values: list[float]) -> None:
    """A claim stands if every set of hypotheses that holds it is rejected (Marcus, Peritz and Gabriel 1976)."""
    indices = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in itertools.combinations(indices, size)]
    expected = [
        max(min(1.0, len(chosen) * min(p_values[j] for j in chosen)) for chosen in sets if i in chosen) for i in indices
    ]
    assert holm(np.array(p_values)).tolist() == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(p_values: list[float], random: object) -> None:
    order = list(range(len(p_values)))
    random.shuffle(order)
    shuffled = holm(np.array(p_values)[order])
    assert shuffled.tolist() == pytest.approx(holm(np.array(p_values))[order].tolist())
