"""The sign-flip test against Fisher's own figures, brute force and counting by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tailbed.analysis.sign_flip import EXACT_UP_TO, sign_flip_p, smallest_p

DARWIN = np.array([49.0, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])


def test_darwins_maize() -> None:
    # Fisher (1935), section 21: 863 of the 2^15 patterns have a sum of 314 or more, and as many of -314 or less.
    assert sign_flip_p(DARWIN) == 2 * 863 / 2**15


def test_by_hand() -> None:
    # Of 1, 2, 3 with either sign, sums of 4 or more (or -4 or less): +6, -1+2+3 = 4 and their mirrors.
    assert sign_flip_p(np.array([-1.0, 2.0, 3.0])) == 4 / 8
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 2 / 8
    assert sign_flip_p(np.array([5.0])) == 1.0


@pytest.mark.parametrize("n", [6, 8, 21, EXACT_UP_TO])
def test_the_smallest_p_is_reached_when_all_signs_agree(n: int) -> None:
    assert sign_flip_p(np.linspace(1, 2, n)) == smallest_p(n)
    assert smallest_p(6) == 2 / 64


def test_no_difference_at_all() -> None:
    assert sign_flip_p(np.zeros(8)) == 1.0
    assert sign_flip_p(np.array([0.1, -0.1, 0.3, -0.3])) == 1.0


def test_ties_count_although_floating_point_parts_them() -> None:
    # 0.1 + 0.2 is not 0.3 in binary: the patterns that give 0 + 0.3 and 0.3 + 0 must not differ.
    differences = np.array([0.1, 0.2, -0.3, 0.3])
    assert sign_flip_p(differences) == sign_flip_p(np.array([1.0, 2.0, -3.0, 3.0]))


@given(hnp.arrays(np.float64, st.integers(1, 9), elements=st.integers(-9, 9).map(float)))
def test_is_brute_force(differences: np.ndarray) -> None:
    sums = np.array([np.dot(signs, differences) for signs in itertools.product((-1, 1), repeat=len(differences))])
    assert sign_flip_p(differences) == np.mean(np.abs(sums) >= abs(differences.sum()))


@given(hnp.arrays(np.float64, st.integers(6, 12), elements=st.floats(-1, 1)), st.floats(0.1, 10))
def test_direction_scale_and_order_do_not_matter(differences: np.ndarray, scale: float) -> None:
    p = sign_flip_p(differences)
    assert 0 < p <= 1
    assert sign_flip_p(-differences) == p
    assert sign_flip_p(differences[::-1]) == p
    assert sign_flip_p(4 * differences) == p, "a power of two scales without rounding"


def test_many_differences_are_sampled_close_to_the_exact_value() -> None:
    rng = np.random.default_rng(5)
    differences = rng.normal(0.25, 1, EXACT_UP_TO)
    exact = sign_flip_p(differences)
    assert sign_flip_p(np.append(differences, 0.0)) == pytest.approx(exact, rel=0.05)
    assert sign_flip_p(np.ones(200)) == 1 / 100_000, "never zero"


def test_level_is_held_without_a_normal_distribution() -> None:
    # Symmetric and heavy-tailed: a share of at most 5% of tests may reject at 5%.
    rng = np.random.default_rng(6)
    p_values = np.array([sign_flip_p(rng.standard_cauchy(8)) for _ in range(3000)])
    assert np.mean(p_values <= 0.05) <= 0.06
