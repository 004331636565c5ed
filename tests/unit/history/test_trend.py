"""A cell over time: which runs it is of, where its level changed, and what else did."""

from pathlib import Path

import numpy as np
import pytest

from tailbed import history
from tailbed.history import HistoryError
from tailbed.history.cells import CellKey
from tailbed.history.figures import FIGURES, figure
from tailbed.history.trend import trends
from tests.unit.experiment.results import make_run
from tests.unit.history.experiments import environment, make_experiment, make_runs

P99 = FIGURES["p99"]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))


def refuse(line: str) -> None:
    raise AssertionError(line)


def stepped(tmp_path: Path, **later: object) -> None:
    """Ten experiments; from the sixth on P99 is longer by a half, and ``later`` holds."""
    rng = np.random.default_rng(1)
    for number in range(10):
        level = 3.0 if number < 5 else 4.5
        cell = make_runs(level * float(np.exp(0.03 * rng.normal())), throughput=100.0 / level)
        changed = later if number >= 5 else {}
        history.record(make_experiment(tmp_path / f"e{number}", [cell], number=number, **changed), refuse)  # type: ignore[arg-type]


def test_a_point_is_over_the_valid_runs_with_its_interval(tmp_path: Path) -> None:
    invalid = make_run(7, p99_ms=900.0, validity="INVALID", reasons=["x"])
    runs = [*make_runs(3.0, 5), make_run(6, p99_ms=12.0), invalid]
    history.record(make_experiment(tmp_path / "one", [runs]), refuse)
    history.record(make_experiment(tmp_path / "two", [runs[:2]], number=1), refuse)
    history.record(make_experiment(tmp_path / "bad", [runs[6:]], number=2), refuse)
    (trend,) = trends("digits", P99)
    one, two, bad = trend.points
    assert one.estimate == pytest.approx(3.0 * 4 ** (1 / 6))
    assert one.low is not None
    assert one.high is not None
    assert one.low < one.estimate < one.high
    assert (one.valid, one.runs, one.run_folders) == (6, 7, [f"runs/{number:03d}" for number in range(1, 7)])
    assert (two.estimate, two.low) == (pytest.approx(3.0), None)
    assert (bad.estimate, bad.valid, bad.runs) == (None, 0, 1)
    assert trend.figured == [one, two]
    assert (trend.changes, trend.fewest) == ([], 8)


def test_a_change_names_what_else_changed(tmp_path: Path) -> None:
    stepped(
        tmp_path,
        where=environment({"onnxruntime": "1.24.0"}, cpu="Intel", kernel="6.2"),
        sha256="77" * 32,
        image="sha256:" + "d" * 64,
    )
    (trend,) = trends("onnx fastapi", P99)
    (change,) = trend.changes
    assert trend.figured[change.at].name == "e5"
    assert change.ratio == pytest.approx(1.5, rel=0.05)
    assert change.worse
    said = "\n".join(change.changed)
    assert "machine: AMD EPYC, 2 cores, 8.0 GB -> Intel, 2 cores, 8.0 GB" in said
    assert "kernel: 6.1.0 -> 6.2" in said
    assert "packages: onnxruntime 1.23.0 -> 1.24.0, some-thing 1 -> none" in said
    assert "image: none -> triton sha256:dddddddddddd" in said
    assert "artifact: 8a8a8a8a8a8a -> 777777777777" in said


def test_a_change_with_nothing_else_changed_says_nothing(tmp_path: Path) -> None:
    stepped(tmp_path)
    (trend,) = trends("digits", P99)
    assert [change.changed for change in trend.changes] == [[]]


def test_less_throughput_is_worse(tmp_path: Path) -> None:
    stepped(tmp_path)
    (trend,) = trends("digits", figure("throughput"))
    (change,) = trend.changes
    assert change.ratio == pytest.approx(1 / 1.5)
    assert change.worse


def test_other_settings_are_another_cell(tmp_path: Path) -> None:
    for number, threads in enumerate((1, 2, 1)):
        folder = make_experiment(
            tmp_path / f"e{number}", [make_runs(3.0)], number=number, settings={"threads": threads}
        )
        history.record(folder, refuse)
    one, two = trends("digits", P99)
    assert [len(one.points), len(two.points)] == [2, 1]
    assert [one.name.rpartition(" (")[2], two.name.rpartition(" (")[2]] == ["threads 1)", "threads 2)"]


def test_only_of_one_suite(tmp_path: Path) -> None:
    for number, suite in enumerate(("a", "b", "a")):
        history.record(make_experiment(tmp_path / f"e{number}", [make_runs(3.0)], number=number, suite=suite), refuse)
    assert [point.name for point in trends("digits", P99, "a")[0].points] == ["e0", "e2"]


def test_cells_that_are_looked_at_together_share_the_level(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    scenarios = [f"closed x{clients}" for clients in (1, 2, 4, 8)]
    for number in range(8):
        step = 1.0 if number < 4 else 2.0
        cells = [make_runs(3.0 * step * float(np.exp(0.02 * rng.normal())), scenario=name) for name in scenarios]
        history.record(make_experiment(tmp_path / f"e{number}", cells, number=number), refuse)
    together = trends("digits", P99)
    assert [trend.name.split()[-1] for trend in together] == ["x1", "x2", "x4", "x8"]
    assert all(trend.changes == [] and trend.fewest > 8 for trend in together), "eight are too few for four cells"
    assert [change.at for change in trends("digits x4", P99)[0].changes] == [4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("digits onix", "no cell in the history has the word 'onix': there is onnx"),
        ("onnx 999/s", "no cell in the history has the word '999/s'"),
        ("grpc closed", "no cell in the history has all of 'grpc closed': there is digits/onnx/fp32"),
    ],
)
def test_words_that_fit_nothing_are_one_line(tmp_path: Path, words: str, said: str) -> None:
    cells = [make_runs(3.0, server="grpc"), make_runs(3.0, scenario="closed x1")]
    history.record(make_experiment(tmp_path / "one", cells), refuse)
    with pytest.raises(HistoryError) as caught:
        trends(words, P99)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_an_empty_history_and_an_unknown_figure_say_so() -> None:
    with pytest.raises(HistoryError, match="no run in the history"):
        trends("digits", P99)
    with pytest.raises(HistoryError, match="choose from p50"):
        figure("p17")
    assert figure("P99_ms") is figure("p99")


def test_a_cell_is_called_by_its_parts_in_any_order() -> None:
    key = CellKey("digits", "onnx", "fp32", "grpc", "oip-grpc", "onnxruntime", None, None, "poisson 200/s", None)
    assert key.name == "digits/onnx/fp32 grpc poisson 200/s"
    assert {"200/s", "poisson", "onnxruntime"} <= key.words
