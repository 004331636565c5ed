"""What experiments are called by."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.history import Experiment, HistoryError, called


def experiment(name: str, suite: str = "quick", hours: int = 0) -> Experiment:
    return Experiment(
        experiment=f"{name}{hours}",
        name=name,
        suite=suite,
        kind="bench",
        started=datetime(2026, 1, 1) + timedelta(hours=hours),
        folder=Path("/nowhere") / name,
        cells=1,
        planned_cells=1,
        runs=1,
        valid=1,
        complete=True,
        best=None,
        best_by=None,
    )


THREE = [experiment(f"quick-{day}", hours=day) for day in (30, 21, 11)]


def test_a_suite_is_its_newest_experiment_and_counts_back() -> None:
    assert [called(name, THREE).name for name in ("quick", "quick~0", "quick~1", "quick~2")] == [
        "quick-30",
        "quick-30",
        "quick-21",
        "quick-11",
    ]


@pytest.mark.parametrize(
    ("word", "name"), [("quick-2", "quick-21"), ("quick-21", "quick-21"), ("quick-3~0", "quick-30")]
)
def test_the_beginning_of_one_name_is_enough(word: str, name: str) -> None:
    assert called(word, THREE).name == name


def test_a_whole_name_is_no_beginning() -> None:
    among = [experiment("run-1"), experiment("run-10")]
    assert called("run-1", among) is among[0]


def test_of_equal_names_the_newest_is_meant() -> None:
    among = [experiment("mine", hours=2), experiment("mine", hours=1)]
    assert called("mine", among) is among[0]
    assert called("mine~1", among) is among[1]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("quick-", "'quick-': is the beginning of 3 names: quick-30, quick-21, quick-11"),
        ("quik", "'quik': no experiment of that name in the history: did you mean quick"),
        ("zzz", "'zzz': no experiment of that name in the history: 'tailbed history' lists them"),
        ("quick~3", "'quick~3': there is only 3 of 'quick' in the history"),
        ("quick-21~1", "'quick-21~1': there is only one of 'quick-21' in the history"),
        ("", "'': no experiment of that name"),
    ],
)
def test_what_is_wrong_is_one_line(word: str, said: str) -> None:
    with pytest.raises(HistoryError) as caught:
        called(word, THREE)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_an_empty_history_says_so() -> None:
    with pytest.raises(HistoryError, match="which is empty"):
        called("quick", [])


NAMES = st.text(st.sampled_from("ab-~1"), min_size=1, max_size=5)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["a", "b~1", "c"])), min_size=1, max_size=6), st.data())
def test_every_experiment_can_be_named(named: list[tuple[str, str]], data: st.DataObject) -> None:
    among = [experiment(name, suite, hours=-place) for place, (name, suite) in enumerate(named)]
    wanted = data.draw(st.sampled_from(among))
    earlier = [each for each in among[: among.index(wanted)] if each.name == wanted.name]
    assert called(wanted.name, among) is (earlier[0] if earlier else wanted), (
        "by its whole name the newest one is meant"
    )
    word = f"{wanted.name}~{len(earlier)}"
    if all(each.name != word for each in among):
        assert called(word, among) is wanted


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), NAMES)
def test_whatever_is_found_fits_the_word(names: list[str], word: str) -> None:
    among = [experiment(name, "suite", hours=-place) for place, name in enumerate(names)]
    fitting = [name for name in names if name.startswith(word)]
    if word in names:
        assert called(word, among).name == word
    elif "~" not in word and len(fitting) == 1:
        assert called(word, among).name == fitting[0]
    elif "~" not in word:
        with pytest.raises(HistoryError) as caught:
            called(word, among)
        assert "\n" not in str(caught.value)
