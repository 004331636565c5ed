"""The search of the highest rate: right about what it saw, and close to the truth where runs are."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tailbed.planning.search import MOST_CAPACITIES, Verdict, rounded, search_rate
from tailbed.results.decisions import HighestRate

HELD = Verdict("held", "P99 is 9 ms")
BEYOND = Verdict("objective", "P99 is 51 ms")
SATURATED = Verdict("saturation", "saturated: holds 900/s of the 1,300/s offered")
RATES = st.floats(0.5, 200_000)


def searched(
    verdict_of: Callable[[float], Verdict], capacity: float, **bounds: Any
) -> tuple[HighestRate, list[tuple[float, Verdict]]]:
    """The answer, and what was tried."""
    search = search_rate(capacity, **{"floor": 0.1, "ceiling": float("inf"), "tolerance": 0.05} | bounds)
    tried: list[tuple[float, Verdict]] = []
    verdict: Any = None
    while True:
        try:
            rate = search.send(verdict)
        except StopIteration as end:
            return end.value, tried
        verdict = verdict_of(rate)
        tried.append((rate, verdict))
        assert len(tried) < 60


@given(RATES, st.floats(0.02, 3.0), st.floats(0.01, 0.2))
def test_the_edge_of_a_clear_truth_lies_between_the_ends(capacity: float, share: float, tolerance: float) -> None:
    edge = share * capacity
    assume(edge > 0.2)
    found, tried = searched(lambda rate: HELD if rate <= edge else BEYOND, capacity, tolerance=tolerance)
    assert found.per_s is not None
    assert found.high is not None
    assert found.low == found.per_s <= edge < found.high
    # Three digits are all that a rate has: where they are coarser than the tolerance, neighbours are the end.
    assert found.high <= found.low * (1 + max(tolerance, 0.0101)) * 1.0001
    assert found.limited_by == "objective"
    assert len(tried) == len({rate for rate, _ in tried}) <= 16


@given(st.integers(0, 10_000), st.floats(0.2, 1.1), st.floats(0.005, 0.05))
def test_noise_near_the_edge_moves_the_answer_no_further_than_it_reaches(seed: int, share: float, width: float) -> None:
    """Within ``width`` of the edge a rate holds by chance, as it does where P99 scatters around the objective."""
    chance, edge = random.Random(seed), 1000 * share

    def measure(rate: float) -> Verdict:
        if abs(rate / edge - 1) < width:
            return chance.choice([HELD, BEYOND])
        return HELD if rate < edge else BEYOND

    found, tried = searched(measure, 1000)
    assert found.low is not None
    assert found.high is not None
    assert found.low < edge * (1 + width)
    assert found.high > edge * (1 - width)
    assert found.high / found.low <= 1.0611
    seen = dict(tried)
    assert seen[found.low].held
    assert not seen[found.high].held
    assert found.high == min(rate for rate, verdict in tried if not verdict.held and rate > found.low)
    assert found.low == max(rate for rate, verdict in tried if verdict.held)


def test_a_dip_below_the_edge_gives_what_was_seen() -> None:
    """A truth that is not quite monotone: the answer is a rate that held, with one above that did not."""
    found, tried = searched(lambda rate: BEYOND if 680 <= rate <= 720 or rate > 900 else HELD, 1000)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 680 <= found.high <= 720
    assert dict(tried)[found.low].held


@given(st.lists(st.sampled_from([HELD, BEYOND, SATURATED, Verdict("unclear", "disturbed")]), min_size=60, max_size=60))
def test_whatever_the_runs_say_the_ends_are_rates_that_were_tried(verdicts: list[Verdict]) -> None:
    answers = iter(verdicts)
    found, tried = searched(lambda _: next(answers), 1000)
    seen = dict(tried)
    if found.low is not None:
        assert seen[found.low].held
        assert found.low == max(rate for rate, verdict in tried if verdict.held)
    if found.high is not None:
        assert not seen[found.high].held
        assert found.limited_by == seen[found.high].kind
        assert seen[found.high].reason in found.reason
    assert (found.low or 0) < (found.high or float("inf"))
    assert found.per_s == found.low


def test_what_ends_the_search_is_told() -> None:
    found, _ = searched(lambda rate: HELD if rate < 950 else SATURATED, 1000)
    assert found.limited_by == "saturation"
    assert "saturated: holds 900/s" in found.reason
    found, _ = searched(lambda rate: HELD if rate < 950 else Verdict("unclear", "it is not shown to hold"), 1000)
    assert found.limited_by == "unclear"


def test_the_client_is_asked_for_no_more_than_it_may_offer() -> None:
    found, tried = searched(lambda _: HELD, 1000, ceiling=1234.5)
    assert max(rate for rate, _ in tried) == found.per_s == 1230
    assert (found.limited_by, found.high) == ("client", None)
    found, tried = searched(lambda _: HELD, 1000, ceiling=500)
    assert [rate for rate, _ in tried] == [500]
    assert found.limited_by == "client"
    found, tried = searched(lambda _: HELD, 1000, ceiling=0.05)
    assert (found.per_s, found.limited_by, tried) == (None, "client", [])


def test_a_server_that_holds_everything_is_given_up_at_last() -> None:
    found, tried = searched(lambda _: HELD, 100)
    assert found.limited_by == "nothing"
    assert found.per_s == max(rate for rate, _ in tried) == MOST_CAPACITIES * 100


def test_an_objective_that_no_rate_keeps_ends_at_the_lowest_rate_worth_a_try() -> None:
    found, tried = searched(lambda _: BEYOND, 10_000, floor=2.534)
    assert next(rate for rate, _ in tried) == 7000
    assert [rate for rate, _ in tried][-1] == found.high == 2.54
    assert len(tried) <= 7
    assert found.per_s is None
    assert "no rate that was tried" in found.reason


@given(st.floats(1e-3, 1e6))
def test_rates_have_three_digits(rate: float) -> None:
    down, up = rounded(rate), rounded(rate, up=True)
    assert 0 < down <= rate * (1 + 1e-6)
    assert up >= rate * (1 - 1e-6)
    assert float(f"{down:.3g}") == down
    assert float(f"{up:.3g}") == up
    assert down >= rate * 0.99
    assert rounded(down) == down


@pytest.mark.parametrize(("rate", "expected"), [(1000.0, 1000.0), (999.9, 999.0), (0.123456, 0.123), (0.3 * 1000, 300)])
def test_rounding(rate: float, expected: float) -> None:
    assert rounded(rate) == expected
