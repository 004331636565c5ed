"""How right a precision is beside fp32, item by item."""

from dataclasses import replace

import numpy as np
import pytest

from tailbed.quantization.quality import judge_qualities
from tests.unit.quantization.studies import ITEMS, TRUTH, labels


def test_items_that_both_have_wrong_are_no_difference() -> None:
    (found,) = judge_qualities([(labels(10), labels(10))])
    assert found.change is not None
    assert (found.change.estimate, found.change.p_value, found.change.claimed) == (0, None, False)
    assert found.accuracy == pytest.approx(1 - 10 / ITEMS)
    assert found.agreement is not None
    assert found.agreement[0] == 1
    assert found.agreement[1] == pytest.approx(0.025 ** (1 / ITEMS)), "Clopper and Pearson for all of them"


def test_the_family_is_all_that_is_compared() -> None:
    """Six items apart give p = 2/64 = 0.031: shown alone, and not among two, though the other differs in none."""
    (alone,) = judge_qualities([(labels(6), labels(0))])
    assert alone.change is not None
    assert alone.change.p_value == pytest.approx(2 / 64)
    assert alone.change.claimed
    among, _ = judge_qualities([(labels(6), labels(0)), (labels(0), labels(0))])
    assert among.change is not None
    assert not among.change.claimed


def test_fp32_itself_is_not_compared() -> None:
    (found,) = judge_qualities([(labels(3), None)])
    assert (found.change, found.agreement) == (None, None)
    assert found.accuracy == pytest.approx(1 - 3 / ITEMS)


def test_outcomes_on_other_items_are_not_paired() -> None:
    (found,) = judge_qualities([(labels(3), replace(labels(3), digest="others"))])
    assert (found.change, found.agreement) == (None, None)


def test_outputs_that_are_no_labels_are_not_judged() -> None:
    nothing = replace(labels(0), predicted=None)
    (found,) = judge_qualities([(nothing, nothing)])
    assert (found.accuracy, found.change, found.agreement) == (None, None, None)


def test_equal_precisions_are_seldom_claimed_to_differ() -> None:
    """Of 1,000 studies of four precisions as right as fp32, at most 5% may claim a difference anywhere."""
    rng = np.random.default_rng(11)
    claims = 0
    for _ in range(1000):
        flipped = [rng.random(ITEMS) < 0.03 for _ in range(5)]
        outcomes = [replace(labels(0), predicted=np.where(which, -1, TRUTH)) for which in flipped]
        found = judge_qualities([(each, outcomes[0]) for each in outcomes[1:]])
        claims += any(each.change is not None and each.change.claimed for each in found)
    assert claims <= 65, "50 and two standard errors"
