"""The A/A noise floor: where it comes from, and what brings it down."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tailbed.analysis.noise_floor import noise_floor


def test_is_the_farther_end_of_the_interval() -> None:
    logs = np.array([0.01, -0.03, 0.02, -0.04, 0.01, 0.03, -0.02, -0.02])
    reach = abs(logs.mean()) + 2.36462 * logs.std(ddof=1) / np.sqrt(8)
    assert noise_floor(np.exp(logs)) == pytest.approx(np.exp(reach), rel=1e-6)


def test_more_blocks_bring_it_down_to_the_bias() -> None:
    noise = np.random.default_rng(3).normal(0, 0.05, 5_000)
    floors = [noise_floor(np.exp(0.02 + noise[:n])) for n in (8, 100, 5_000)]
    assert floors[0] > floors[1] > floors[2] > np.exp(0.02)
    assert floors[2] == pytest.approx(np.exp(0.02), rel=0.005)


def test_is_unknown_with_too_few_blocks() -> None:
    assert noise_floor(np.array([1.0, 1.01, np.nan, 0.99, 1.0, 1.02])) is None


@given(hnp.arrays(np.float64, 8, elements=st.floats(0.5, 2)))
def test_it_does_not_matter_which_twin_is_which(ratios: np.ndarray) -> None:
    floor = noise_floor(ratios)
    assert floor == pytest.approx(noise_floor(1 / ratios))
    assert floor >= 1 - 1e-12
