"""What else changed between two experiments."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tailbed.history.columns import Row
from tailbed.history.differences import experiment_differences
from tailbed.history.rows import rows_of
from tests.unit.history.experiments import environment, make_experiment, make_runs


def rows(path: Path, where: Mapping[str, Any] | None = None, **facts: Any) -> list[Row]:
    return rows_of(make_experiment(path, [make_runs(3.0), make_runs(3.0, server="grpc")], where=where, **facts))


def test_equal_experiments_differ_in_nothing(tmp_path: Path) -> None:
    assert experiment_differences(rows(tmp_path / "a"), rows(tmp_path / "b", number=5)) == []


def test_each_thing_that_differs_has_a_line(tmp_path: Path) -> None:
    old = rows(tmp_path / "a", image="sha256:" + "1" * 64)
    new = rows(
        tmp_path / "b",
        environment({"numpy": "2", "aaa": "1", "bbb": "1", "ccc": "1"}, cores=4),
        image="sha256:" + "2" * 64,
        settings={"threads": 2},
        sha256="77" * 32,
    )
    lines = experiment_differences(old, new)
    assert lines[0] == "machine: AMD EPYC, 2 cores, 8.0 GB -> AMD EPYC, 4 cores, 8.0 GB"
    assert lines[1] == ("packages: numpy none -> 2, onnxruntime 1.23.0 -> none, aaa none -> 1 and 3 more"), (
        "those that compute or serve come first"
    )
    assert lines[2:5] == [
        "digits onnx fp32 fastapi: image: triton sha256:111111111111 -> triton sha256:222222222222",
        "digits onnx fp32 fastapi: artifact: 8a8a8a8a8a8a -> 777777777777",
        "digits onnx fp32 fastapi: settings: threads 1 -> 2",
    ]
    assert len(lines) == 8, "and the same of the other deployment"


def test_what_only_one_of_them_has_is_no_difference(tmp_path: Path) -> None:
    old = rows(tmp_path / "a")
    new = rows_of(make_experiment(tmp_path / "b", [make_runs(3.0, server="triton-http")], sha256="77" * 32))
    assert experiment_differences(old, new) == []


def test_an_environment_that_is_not_known_is_said_so(tmp_path: Path) -> None:
    old = rows(tmp_path / "a")
    folder = make_experiment(tmp_path / "b", [make_runs(3.0)])
    folder.environment.write_text("no JSON")
    lines = experiment_differences(old, rows_of(folder))
    assert "machine: AMD EPYC, 2 cores, 8.0 GB -> not known" in lines
    assert any(line.startswith("packages: ") and line.endswith(" -> not known") for line in lines)
