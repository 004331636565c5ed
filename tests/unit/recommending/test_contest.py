"""How often the best of several is claimed to be one: simulated, with equal deployments and with one that is better."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailbed.analysis.comparison import THROUGHPUT
from tailbed.recommending.contest import Contest, decide
from tests.unit.recommending.simulated import decided, number, scatter

EXPERIMENTS = 400
SURELY = 0.05 + 2.6 * (0.05 * 0.95 / EXPERIMENTS) ** 0.5
"""A share that 400 experiments of 5% each hardly exceed (1 in 200)."""


@pytest.mark.parametrize("kind", ["normal", "exponential"])
@pytest.mark.parametrize("deployments", [2, 3, 6, 12])
def test_no_best_is_claimed_of_equal_deployments(deployments: int, kind: str) -> None:
    rng = np.random.default_rng((deployments, len(kind)))
    claimed = [decided(scatter(rng, (8, deployments), kind)).shown for _ in range(EXPERIMENTS)]
    assert np.mean(claimed) <= SURELY


@pytest.mark.parametrize("blocks", [6, 8, 20])
def test_nor_of_two_equal_ones_beside_many_that_are_far_worse(blocks: int) -> None:
    """The worst case there is: every other comparison is passed for certain, and only the one of the two is left."""
    rng = np.random.default_rng(blocks)
    factors = np.array([1, 1, 4, 5, 6, 7])
    claimed = [decided(scatter(rng, (blocks, 6), "normal") * factors).shown for _ in range(EXPERIMENTS)]
    assert np.mean(claimed) <= SURELY


@pytest.mark.parametrize("deployments", [2, 4, 12])
def test_the_really_best_one_is_hardly_ever_left_out(deployments: int) -> None:
    """Equal ones, of which one is the best by a hair: what would be the easiest to miss."""
    rng = np.random.default_rng(deployments)
    missed = 0
    for _ in range(EXPERIMENTS):
        outcome = decided(scatter(rng, (9, deployments), "normal"))
        missed += 0 not in {number(each) for each in (outcome.ranking[0], *outcome.as_good)}
    assert missed / EXPERIMENTS <= SURELY


@pytest.mark.parametrize("deployments", [2, 12])
def test_a_clear_difference_is_shown_with_eight_blocks_however_many_take_part(deployments: int) -> None:
    rng = np.random.default_rng(deployments)
    factors = np.where(np.arange(deployments) == 1, 0.5, 1.0)
    outcomes = [decided(scatter(rng, (8, deployments), "normal") * factors) for _ in range(60)]
    assert np.mean([each.shown for each in outcomes]) >= 0.9
    assert {number(each.ranking[0]) for each in outcomes if each.shown} == {1}
    assert all(not each.as_good for each in outcomes if each.shown)


def test_those_shown_to_be_worse_are_not_among_those_that_may_be_the_best() -> None:
    rng = np.random.default_rng(3)
    values = scatter(rng, (8, 3), "normal") * np.array([1.0, 1.001, 3.0])
    outcome = decided(values)
    assert not outcome.shown
    assert {number(each) for each in (outcome.ranking[0], *outcome.as_good)} == {0, 1}


def test_of_throughput_more_is_better() -> None:
    values = np.linspace(1, 1.1, 8)[:, None] * np.array([100, 200, 150])
    assert [number(each) for each in decided(values, THROUGHPUT).ranking] == [1, 2, 0]
    assert decided(values, THROUGHPUT).shown
    assert [number(each) for each in decided(values).ranking] == [0, 2, 1]


def test_a_difference_to_the_worse_is_no_proof_of_being_the_best() -> None:
    """Ranked first by all its runs, and slower in every block that both have: the pairs decide."""
    first = np.array([3.0] * 6 + [0.01] * 2)
    other = np.array([1.0, 1.1, 1.2, 1.0, 1.1, 1.2, np.nan, np.nan])
    outcome = decided(np.stack([first, other], axis=1))
    assert number(outcome.ranking[0]) == 0
    assert outcome.comparisons[0].claimed
    assert not outcome.shown
    assert [number(each) for each in outcome.as_good] == [1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 5))
def test_the_order_of_the_deployments_does_not_matter(seed: int, blocks: int, deployments: int) -> None:
    rng = np.random.default_rng(seed)
    values = scatter(rng, (blocks, deployments), "normal")
    order = rng.permutation(deployments)
    one, other = decided(values), decided(values[:, order])
    assert [number(each) for each in one.ranking] == [order[number(each)] for each in other.ranking]
    assert one.shown == other.shown
    assert one.shown <= (blocks >= 6 and deployments > 1)
    if not one.shown:
        kept = [other for other, each in zip(one.ranking[1:], one.comparisons, strict=True) if not each.claimed]
        assert list(one.as_good) == kept, "what is said of two and of all is the same"


def test_nobody_is_ranked_where_nobody_takes_part() -> None:
    outcome = decide(Contest("load", "P99", "run", (), ()), {})
    assert not outcome.ranking
    assert not outcome.shown
