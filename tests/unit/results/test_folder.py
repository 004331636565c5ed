"""The results folder: what is written is read back, and what is not a results folder is named."""

import csv
import json
from pathlib import Path

import pytest

from tailbed.results.folder import ExperimentFolder, ResultsError
from tailbed.results.schema import Cell, ColdStart, Summary


def make_cell(**changes: object) -> Cell:
    figures = {f"{name}_ms": 1.5 for name in ("p50", "p90", "p99", "service_p50", "service_p99", "lag_p50", "lag_p99")}
    return Cell.model_validate(
        {
            "model": "digits",
            "format": "onnx",
            "precision": "fp32",
            "runtime": "onnxruntime",
            "server": "grpc",
            "protocol": "oip-grpc",
            "scenario": "poisson 200/s",
            "offered_rate": 200.0,
            "achieved_rate": 200.0,
            "throughput": 200.0,
            "duration_s": 10.0,
            "requests": 2000,
            "errors": 0,
            "error_kinds": {},
            **figures,
            "p999_ms": None,
            "missing": {"p999_ms": "insufficient: 2000 requests, needs 6636"},
            "client_busy": 0.1,
            "answers_checked": 125,
            "answers_wrong": 0,
            "cold_start": ColdStart(ready_ms=800, first_answer_ms=803),
            "validity": "VALID",
            "reasons": [],
            "mode": "quick",
            "seed": 1,
            "run": "runs/001",
            **changes,
        }
    )


def make_summary(*cells: Cell) -> Summary:
    return Summary(
        suite="quick",
        started="2026-01-01T00:00:00+00:00",
        elapsed_s=3.0,
        complete=True,
        planned_cells=len(cells),
        cells=list(cells),
        failures=[],
    )


def test_summary_round_trip(tmp_path: Path) -> None:
    folder = ExperimentFolder.create(tmp_path / "new" / "results")
    summary = make_summary(make_cell(), make_cell(validity="INVALID", reasons=["a, b", 'say "c"'], cold_start=None))
    folder.write_summary(summary)
    assert folder.read_summary() == summary
    with folder.summary_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["p50_ms"] for row in rows] == ["1.5", "1.5"]
    assert rows[0]["ready_ms"] == "800.0"
    assert rows[1]["ready_ms"] == ""
    assert json.loads(rows[1]["reasons"]) == ["a, b", 'say "c"']
    assert sorted(path.name for path in folder.path.iterdir()) == ["summary.csv", "summary.json"]


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(ResultsError, match="is not empty"):
        ExperimentFolder.create(tmp_path)
    with pytest.raises(ResultsError, match="cannot be used"):
        ExperimentFolder.create(tmp_path / "precious.txt" / "below")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "summary.json: the file: Invalid JSON"),
        ('{"schema_version": 99}', "has schema version 99, this tailbed reads 1"),
        ('{"suite": "quick"}', "started: Field required"),
        ("[]", "the file: "),
    ],
)
def test_a_damaged_summary_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(ResultsError) as caught:
        ExperimentFolder(tmp_path).read_summary()
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_results_folder(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not a results folder"):
        ExperimentFolder(tmp_path / "none").read_summary()
