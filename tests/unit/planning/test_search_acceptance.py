"""A rate is accepted by VALID runs that all hold, and by nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.planning.acceptance import MOST_UNCLEAR, judge_rate, judge_run, load_point
from tailbed.results.schema import RunResult
from tailbed.slo import Slo
from tests.unit.experiment.results import make_run

SLO = Slo.parse("p99=50ms")
HELD = make_run(p99_ms=40.0)
BEYOND = make_run(p99_ms=50.1)
INVALID = make_run(p99_ms=40.0, validity="INVALID", reasons=["client late: P99 of the schedule lag is 3.00 ms"])
SATURATED = make_run(
    p99_ms=None, validity="INVALID", held_rate=900.0, reasons=["saturated: holds 900/s of the 1,300/s offered"]
)
REASON = "disturbed: the client's core was taken away"
DISTURBED = make_run(p99_ms=None, missing={"p99_ms": REASON}, disturbed=["p99_ms"])


def kind(*outcomes: RunResult | str, runs: int = 3) -> str | None:
    verdict = judge_rate(outcomes, SLO, runs)
    return verdict and verdict.kind


def test_all_of_the_valid_runs_must_hold() -> None:
    assert kind(HELD, HELD) is None
    assert kind(HELD, HELD, HELD) == "held"
    assert kind(HELD, HELD, BEYOND) == "objective"
    assert kind(HELD, runs=1) == "held"


def test_the_limit_itself_is_kept_to() -> None:
    assert kind(make_run(p99_ms=50.0), runs=1) == "held"


def test_one_run_beyond_the_objective_or_saturated_rejects_a_rate() -> None:
    assert kind(BEYOND) == "objective"
    assert kind(SATURATED) == "saturation"
    verdict = judge_rate([SATURATED], SLO, 3)
    assert verdict is not None
    assert "holds 900/s" in verdict.reason


def test_what_says_nothing_is_made_again_a_few_times() -> None:
    for nothing in (INVALID, DISTURBED, "the server did not start"):
        assert kind(*[nothing] * (MOST_UNCLEAR - 1)) is None
        assert kind(nothing, HELD, HELD, nothing, HELD) == "held"
        assert kind(*[nothing] * MOST_UNCLEAR) == "unclear"
        assert kind(nothing, BEYOND) == "objective"


def test_attempts_that_were_made_already_count() -> None:
    assert kind(DISTURBED.model_copy(update={"attempt": MOST_UNCLEAR})) == "unclear"


def test_an_invalid_run_neither_accepts_nor_rejects() -> None:
    assert judge_run(INVALID, SLO).kind == "unclear"
    assert judge_run(INVALID.model_copy(update={"p99_ms": 90.0}), SLO).kind == "unclear"
    assert REASON in judge_run(DISTURBED, SLO).reason


outcomes = st.lists(st.sampled_from([HELD, BEYOND, INVALID, SATURATED, DISTURBED, "it failed"]), max_size=12)


@given(outcomes, st.integers(1, 5))
def test_a_rate_held_only_with_so_many_valid_runs_and_none_beyond(made: list[RunResult | str], runs: int) -> None:
    """Whatever comes in whatever order: asked after each run, as the schedule does."""
    for count in range(len(made) + 1):
        verdict = judge_rate(made[:count], SLO, runs)
        if verdict is None:
            continue
        seen = made[:count]
        assert verdict.held == (seen.count(HELD) >= runs and BEYOND not in seen and SATURATED not in seen)
        assert count <= runs + MOST_UNCLEAR
        break
    else:
        assert len(made) < runs + MOST_UNCLEAR


def point(*outcomes: RunResult | str) -> Any:
    verdict = judge_rate(outcomes, SLO, 2)
    assert verdict is not None
    return load_point(700.0, outcomes, verdict, SLO, "search")


def test_a_point_has_the_figures_of_its_valid_runs() -> None:
    found = point(make_run(1, p99_ms=16.0), INVALID, make_run(3, p99_ms=25.0))
    assert found.slo_ms == found.p99_ms == pytest.approx(20.0)  # the geometric mean
    assert (found.held, found.why_not, found.valid) == (True, None, False)
    assert len(found.runs) == 3


def test_a_point_says_why_it_did_not_hold() -> None:
    found = point(SATURATED)
    assert (found.held, found.valid, found.slo_ms) == (False, False, None)
    assert "saturated" in found.why_not
