"""How long an experiment takes yet, and what was found wanting in it."""

import pytest

from tailbed.cli.live.course import Course
from tests.unit.cli.experiments import Clock, disturbed, invalid, make_runs, make_suite, valid


def test_before_any_run_the_suite_says_how_long_it_takes() -> None:
    suite, clock = make_suite(blocks=3), Clock()
    course = Course(suite, clock)
    assert course.left_s() is None, "how many runs there are is not known yet"
    runs = make_runs(suite)
    course.measuring(runs)
    assert course.total == len(runs) == 12
    first = course.left_s()
    assert first is not None
    assert first / len(runs) == pytest.approx(5 + 8, abs=5), "warm-up and window, and something around them"


def test_then_the_runs_so_far_say_it_each_deployment_for_itself() -> None:
    suite, clock = make_suite(blocks=2), Clock()
    course, runs = Course(suite, clock), make_runs(suite)
    course.measuring(runs)
    times = {"setting-0": 10.0, "setting-1": 30.0}
    for run in runs[:6]:
        course.started(run)
        clock.now += times[run.candidate.variant or ""]
        course.ended(run, valid())
    left = [times[run.candidate.variant or ""] for run in runs[6:]]
    assert course.left_s() == pytest.approx(sum(left))
    course.started(runs[6])
    clock.now += 4.0
    assert course.left_s() == pytest.approx(sum(left) - 4.0)
    clock.now += 400.0
    assert course.left_s() == pytest.approx(left[1]), "a run that takes longer than usual ends at any time"
    course.ended(runs[6], valid())
    course.started(runs[7])
    course.ended(runs[7], valid())
    assert course.left_s() == 0.0
    assert course.finished == 8


def test_a_deployment_without_a_run_takes_as_long_as_the_others() -> None:
    suite, clock = make_suite(), Clock()
    course, runs = Course(suite, clock), make_runs(suite, deployments=9)
    course.measuring(runs)
    course.started(runs[0])
    clock.now += 21.0
    course.ended(runs[0], valid())
    assert course.left_s() == pytest.approx(21.0 * (len(runs) - 1))


def test_where_the_number_of_runs_is_not_known_no_time_is_told() -> None:
    suite, clock = make_suite(), Clock()
    course = Course(suite, clock)
    course.measuring([])
    for run in make_runs(suite):
        course.started(run)
        course.ended(run, valid())
    assert course.total is None
    assert course.left_s() is None
    assert course.finished == 4


def test_without_a_suite_the_first_run_tells_how_long_one_takes() -> None:
    clock, runs = Clock(), make_runs(make_suite())
    course = Course(None, clock)
    course.measuring(runs)
    assert course.left_s() is None
    course.started(runs[0])
    clock.now += 7.0
    course.ended(runs[0], "it did not start")
    assert course.left_s() == pytest.approx(21.0)


def test_runs_that_an_earlier_part_measured_are_over() -> None:
    suite = make_suite(blocks=2)
    course, runs = Course(suite, Clock()), make_runs(suite)
    course.measuring(runs)
    course.started(runs[5])
    assert course.finished == 5
    assert course.left_s() == pytest.approx(3 * 16.0)


def test_what_was_found_is_counted_by_kind_with_the_last_figures() -> None:
    suite = make_suite(blocks=3)
    course, runs = Course(suite, Clock()), make_runs(suite)
    course.measuring(runs)
    outcomes = [
        invalid("saturated: holds 700/s of the 800/s offered"),
        invalid("saturated: holds 1,512.5/s of the 1,600/s offered"),
        invalid("3 of 125 answers are wrong; e.g. 4"),
        valid(),
        disturbed("the client's core was taken away for 4.2 ms; see", attempt=3),
        disturbed("disturbed: the client's core was taken away for 5.2 ms; see"),
        f"{runs[6].title}: the server did not start: no port",
    ]
    for run, outcome in zip(runs, outcomes, strict=False):
        course.started(run)
        course.ended(run, outcome)
    told = {(group.verdict, group.reason): group.count for group in course.found.values()}
    assert told == {
        ("INVALID", "saturated: holds 1,512.5/s of the 1,600/s offered"): 2,
        ("INVALID", "3 of 125 answers are wrong"): 1,
        ("disturbed", "the client's core was taken away for 5.2 ms"): 2,
        ("repeated", "the machine disturbed an attempt"): 1,
        ("failed", "the server did not start: no port"): 1,
    }
