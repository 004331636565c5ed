"""Whether the server's cores were as fast in all runs, and within each."""

import pytest

from tailbed.analysis.cell import combine
from tailbed.analysis.core_speed import uneven_speed
from tailbed.results.schema import Cell, Resources, RunResult
from tests.unit.experiment.results import make_run


def _run(fastest_us: float, median_us: float, slowest_us: float) -> RunResult:
    return make_run(
        resources=Resources(fastest_work_us=fastest_us, work_us=median_us, slowest_work_us=slowest_us).model_dump()
    )


def _cells(*runs: RunResult) -> list[Cell]:
    return [combine(runs, blocks=len(runs))]


def test_speeds_that_are_alike_are_not_worth_a_word() -> None:
    assert uneven_speed(_cells(_run(7.4, 7.5, 7.9), _run(7.6, 7.8, 8.5))) is None


def test_where_no_speed_was_read_nothing_is_said() -> None:
    assert uneven_speed(_cells(make_run(), make_run(resources=Resources(cpu_s=1.0).model_dump()))) is None


def test_runs_at_different_speeds() -> None:
    said = uneven_speed(_cells(_run(8.0, 8.0, 8.1), _run(12.8, 12.8, 12.9), make_run()))
    assert said == (
        "the server's cores computed at 62% to 100% of their best speed (medians of runs): figures may differ by that"
    )


def test_a_run_in_which_it_changed() -> None:
    said = uneven_speed(_cells(_run(8.0, 8.0, 12.8), _run(8.0, 8.0, 8.0)))
    assert said == (
        "the server's cores changed their speed by more than 15% within 1 of 2 runs: figures may differ by that"
    )


def test_runs_at_different_speeds_of_which_one_changed_it() -> None:
    said = uneven_speed(_cells(_run(8.0, 10.0, 12.8), _run(8.0, 8.0, 8.0)))
    assert said is not None
    assert "80% to 100% of their best speed (medians of runs) and changed" in said


@pytest.mark.parametrize(("slowest_us", "told"), [(9.1, False), (9.3, True)])
def test_fifteen_percent_are_alike(slowest_us: float, told: bool) -> None:
    assert (uneven_speed(_cells(_run(8.0, 8.0, slowest_us))) is not None) == told
