"""The screen fits every terminal, and what matters most is on it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailbed.cli.live.course import Course
from tailbed.cli.live.screen import draw
from tailbed.cli.live.words import duration
from tests.unit.cli.experiments import Clock, disturbed, invalid, make_runs, make_suite, valid

OUTCOMES = [
    valid(p50_ms=0.25, p99_ms=12.5),
    invalid("saturated: holds 700/s of the 800/s offered"),
    disturbed("the client's core was taken away for 4.2 ms"),
    "digits on fastapi: the server did not start",
]


def course_of(count: int, blocks: int = 10, known: bool = True) -> Course:
    """An experiment in which so many runs are over and one is half through."""
    suite, clock = make_suite(blocks=blocks), Clock()
    course, runs = Course(suite, clock), make_runs(suite)
    course.measuring(runs if known else [])
    for run in runs[:count]:
        course.started(run)
        clock.now += 15.0
        course.ended(run, OUTCOMES[run.number % 4])
    course.started(runs[count])
    clock.now += 7.0
    course.share = 0.5
    return course


def test_eighty_by_twenty_four_shows_all_of_it() -> None:
    lines = draw(course_of(20), 80, 24).plain.splitlines()
    assert lines[0] == "mine  20 of 40 runs"
    assert lines[1].endswith("51%  about 4 min 53 s left, 5 min 07 s gone")
    assert lines[2].startswith("now  50% digits/onnx on fastapi with setting-")
    assert lines[3].split() == ["last", "P50", "ms", "P99", "ms"]
    assert lines[4].startswith("VALID    digits/onnx on fastapi")
    assert lines[4].split()[-2:] == ["0.25", "12.5"]
    assert lines[5].split()[0] == "failed"
    assert lines[-4] == "found so far"
    assert {line[:3] for line in lines[-3:]} == {"  5"}
    assert "  5 INVALID  saturated: holds 700/s of the 800/s offered" in lines


def test_an_unknown_number_of_runs_has_neither_bar_nor_time_left() -> None:
    lines = draw(course_of(20, known=False), 80, 24).plain.splitlines()
    assert lines[0] == "mine  20 runs, as many as it takes"
    assert lines[1] == "5 min 07 s gone"


def test_before_the_runs_what_is_prepared_is_shown() -> None:
    course = Course(make_suite(), Clock())
    course.doing = "capacity of digits/onnx/fp32 on fastapi: 4 clients"
    assert draw(course, 80, 24).plain.splitlines() == ["mine  before the runs", "0 s gone", f"now {course.doing}"]


def test_the_newest_result_is_the_first_and_a_short_terminal_shows_fewer() -> None:
    tall, short = (draw(course_of(20), 80, lines).plain.splitlines() for lines in (40, 12))
    assert len(short) < len(tall) <= 38
    assert short[:5] == tall[:5]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 250), st.integers(1, 60), st.integers(0, 39), st.booleans())
def test_nothing_is_wider_or_longer_than_the_terminal(columns: int, lines: int, count: int, known: bool) -> None:
    drawn = draw(course_of(count, known=known), columns, lines).plain.splitlines()
    assert len(drawn) <= max(lines - 2, 1)
    assert max(map(len, drawn)) <= max(columns - 1, 1)
    assert drawn[0].startswith("mine"[: max(columns - 2, 0)])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (130, "2 min 10 s"),
        (3599.7, "1 h 00 min"),
        (3900, "1 h 05 min"),
    ],
)
def test_durations_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said
