"""The store: what is recorded, once, and what its columns hold."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tailbed import history
from tailbed.history import COLUMNS, HistoryError
from tailbed.history.environment import packages_sha256
from tailbed.history.store import fetched, opened
from tailbed.results.decisions import Recommendation, Recommendations
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import ColdStart, Measurement, Resources, RunResult
from tests.unit.experiment.results import make_run
from tests.unit.history.experiments import PACKAGES, SHA256, environment, make_experiment, make_runs


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def no_warning(line: str) -> None:
    raise AssertionError(line)


def rows(order: str = "cell, block") -> list[dict[str, object]]:
    with opened() as database:
        return fetched(database.execute(f"SELECT * FROM runs ORDER BY {order}"))


def test_a_row_a_run_with_figures_and_facts(tmp_path: Path) -> None:
    image = "sha256:" + "c" * 64
    cells = [
        make_runs(3.5, 2, resources=Resources(cpu_s=1.5, peak_memory_bytes=10)),
        [make_run(1, scenario="closed x1", validity="INVALID", reasons=["client late", "b"], cold_start=None)],
    ]
    folder = make_experiment(tmp_path / "quick-1", cells, suite="quick", image=image)
    history.record(folder, no_warning)
    first, second, third = rows()
    assert (first["block"], second["block"], third["scenario"]) == (1, 2, "closed x1")
    assert first["p99_ms"] == 3.5
    assert (first["cpu_s"], first["peak_memory_bytes"], first["first_answer_ms"]) == (1.5, 10, 655.0)
    assert third["first_answer_ms"] is None
    assert (third["validity"], json.loads(str(third["reasons"]))) == ("INVALID", ["client late", "b"])
    assert (first["name"], first["suite"], first["kind"]) == ("quick-1", "quick", "bench")
    assert first["folder"] == str(tmp_path / "quick-1")
    assert (first["image_id"], first["image_digests"]) == (image, f"x@{image}")
    assert first["artifact_sha256"] == SHA256
    assert (first["cpu"], first["cores"], first["kernel"]) == ("AMD EPYC", 2, "6.1.0")
    assert first["package_onnxruntime"] == "1.23.0"
    assert first["package_torch"] is None
    assert json.loads(str(first["packages"])) == {"onnxruntime": "1.23.0", "some-thing": "1"}
    assert first["packages_sha256"] == packages_sha256(PACKAGES)
    assert first["git_commit"] == "ab" * 20
    assert json.loads(str(first["settings"])) == {"threads": 1}
    assert (first["best"], first["best_by"]) == ("digits/onnx/fp32 fastapi: P99 3.5 ms, poisson 200/s", "lowest P99")


def test_every_figure_of_a_run_has_a_column() -> None:
    nested = {"cold_start": ColdStart, "resources": Resources}
    for name in (*RunResult.model_fields, *Measurement.model_fields):
        expected = nested[name].model_fields if name in nested else [name]
        assert set(expected) <= set(COLUMNS)


def test_the_hash_of_packages_is_that_of_versions_not_of_spelling_or_order() -> None:
    assert packages_sha256({"a_b": "1", "C": "2"}) == packages_sha256({"c": "2", "a-b": "1"})
    assert packages_sha256({"a": "1"}) != packages_sha256({"a": "2"})


def test_the_same_experiment_replaces_itself(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "one", [make_runs(3.5, 1)], complete=False)
    history.record(folder, no_warning)
    summary = folder.read_summary()
    folder.write_environment(environment())
    resumed = make_experiment(tmp_path / "other", [make_runs(3.5, 2)]).read_summary()
    folder.write_summary(resumed.model_copy(update={"started": summary.started}))
    history.record(folder, no_warning)
    assert [row["block"] for row in rows()] == [1, 2]
    assert rows()[0]["environment_changed"] is False
    moved = folder.path.rename(tmp_path / "renamed")
    assert history.add(ExperimentFolder(moved))["name"] == "renamed"
    assert {row["folder"] for row in rows()} == {str(moved)}


def test_another_experiment_in_the_same_folder_is_another(tmp_path: Path) -> None:
    for number in (0, 1):
        folder = make_experiment(tmp_path / "mine", [make_runs(3.5)], number=number)
        history.record(folder, no_warning)
        folder.path.rename(tmp_path / f"old-{number}")
    assert [each.name for each in history.experiments()] == ["mine", "mine"]


def test_a_resumed_experiment_on_other_packages_is_told(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "one", [make_runs(3.5)])
    folder.write_environment(environment({"onnxruntime": "2"}))
    history.record(folder, no_warning)
    assert rows()[0]["environment_changed"] is True


def test_recording_never_fails_the_experiment(tmp_path: Path, own_home: Path) -> None:
    said: list[str] = []
    history.record(ExperimentFolder(tmp_path / "none"), said.append)
    good = make_experiment(tmp_path / "good", [make_runs(3.5)])
    own_home.write_text("a file where the folder should be")
    history.record(good, said.append)
    assert len(said) == 2
    assert all("not in the history" in line and "\n" not in line for line in said)
    with pytest.raises(HistoryError, match="cannot be written"):
        history.add(good)


def test_an_experiment_without_a_run_is_not_recorded(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "one", [make_runs(3.5)])
    folder.write_summary(folder.read_summary().model_copy(update={"cells": []}))
    history.record(folder, no_warning)
    assert history.experiments() == []
    with pytest.raises(HistoryError, match="no run was measured"):
        history.add(folder)


def test_the_list_is_newest_first_and_forgets(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b", "c")):
        runs = [make_run(1), make_run(2, validity="INVALID", reasons=["late"])]
        history.record(make_experiment(tmp_path / name, [runs], number=number), no_warning)
    found = history.experiments()
    assert [each.name for each in found] == ["c", "b", "a"]
    assert (found[0].cells, found[0].runs, found[0].valid, found[0].gone) == (1, 2, 1, False)
    history.forget(found[1].experiment)
    assert [each.name for each in history.experiments()] == ["c", "a"]
    assert (tmp_path / "b" / "summary.json").exists()


def test_what_is_recommended_stands_for_an_experiment(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "one", [make_runs(3.5)])
    recommendation = Recommendation(
        model="digits",
        goal="p99",
        slo=None,
        scenario="closed x1",
        deployment="onnx grpc",
        figure="P99 0.39 ms",
        runner_up=None,
        runner_up_figure=None,
        shown=True,
        comparison=None,
        as_good=[],
        sentence="Use it.",
        passed_over=[],
        runs=[],
    )
    folder.write_decision(
        Recommendations(goal="p99", price_per_h=None, currency=None, recommendations=[recommendation])
    )
    history.record(folder, no_warning)
    found = history.experiments()[0]
    assert (found.best, found.best_by) == ("onnx grpc: P99 0.39 ms", "recommendation")
    folder.decision_json(Recommendations).write_text("{}")
    history.record(folder, no_warning)
    assert history.experiments()[0].best is None, "what another version concluded is no reason to forget the runs"


def test_files_of_other_versions_are_read_together(tmp_path: Path, own_home: Path) -> None:
    for number, name in enumerate(("old", "new")):
        history.record(make_experiment(tmp_path / name, [make_runs(3.5)], number=number), no_warning)
    old, new = (own_home / "history" / f"{each.experiment}.parquet" for each in reversed(history.experiments()))
    pq.write_table(pq.read_table(old).drop_columns(["p90_ms", "best"]), old)
    later = pq.read_table(new)
    pq.write_table(later.append_column("of_a_later_version", [[1.5]]), new)
    found = rows("started")
    assert [row["p90_ms"] for row in found] == [None, 0.803]
    assert [row["of_a_later_version"] for row in found] == [None, 1.5]
    assert len(history.experiments()) == 2


def test_a_broken_file_is_named_in_one_line(tmp_path: Path, own_home: Path) -> None:
    history.record(make_experiment(tmp_path / "one", [make_runs(3.5)]), no_warning)
    (own_home / "history" / "broken.parquet").write_text("nothing of the kind")
    with pytest.raises(HistoryError, match=r"broken\.parquet") as caught:
        history.experiments()
    assert "\n" not in str(caught.value)


def test_what_a_killed_process_left_is_no_experiment_and_goes(tmp_path: Path, own_home: Path) -> None:
    (own_home / "history").mkdir(parents=True)
    left, recent = (own_home / "history" / f"{name}.parquet.1.partial" for name in ("left", "recent"))
    for path in (left, recent):
        path.write_text("half of it")
    os.utime(left, (time.time() - 86400,) * 2)
    history.record(make_experiment(tmp_path / "one", [make_runs(3.5)]), no_warning)
    assert len(history.experiments()) == 1
    assert not left.exists()
    assert recent.exists(), "it may be another process's, at work"


WRITER = """
import sys
from pathlib import Path
from tailbed import history
from tailbed.results.folder import ExperimentFolder
for _ in range(20):
    for path in sys.argv[1:]:
        history.add(ExperimentFolder(Path(path)))
"""


def test_processes_at_once_do_not_harm_each_other(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        make_experiment(tmp_path / f"e{number}", [make_runs(3.5, 4)], number=number)
        paths.append(str(tmp_path / f"e{number}"))
    history.add(ExperimentFolder(Path(paths[0])))
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, *paths], stderr=subprocess.PIPE) for _ in range(2)]
    try:
        while any(writer.poll() is None for writer in writers):
            found = history.experiments()
            assert found
            assert all(each.runs == 4 for each in found), "an experiment is there in whole or not at all"
    finally:
        complaints = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], complaints
    assert len(history.experiments()) == 3
    assert not list(history.store().glob("*.partial"))


def test_it_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.setenv("TAILBED_HISTORY", str(tmp_path / "elsewhere"))
    history.record(make_experiment(tmp_path / "one", [make_runs(3.5)]), no_warning)
    assert [each.name for each in history.experiments()] == ["one"]
    assert list((tmp_path / "elsewhere").glob("*.parquet"))
    assert not (own_home / "history").exists()
