"""Runs that the machine disturbed are made again, and no attempt is lost."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.scenario import ClosedLoop
from servers import Deployment
from tailbed.experiment import experiment as module
from tailbed.experiment.experiment import Experiment
from tailbed.experiment.placement import Placement
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import RunResult
from tailbed.suite import Candidate, Suite
from tests.unit.experiment.results import make_run

REASON = {"p99_ms": "disturbed: the client's core was taken away"}


def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcomes: list[bool], **suite: Any) -> RunResult:
    """The result of an experiment's only run, whose attempts are disturbed or not as ``outcomes`` say."""

    def execute(
        run: Any, load: Any, suite: Any, folder: Path, placement: Any, progress: Any, attempt: int, engine: Any
    ) -> RunResult:
        folder.mkdir(parents=True)
        fields: dict[str, Any] = {"p99_ms": None, "missing": REASON, "disturbed": ["p99_ms"]} if outcomes.pop(0) else {}
        return make_run(**fields).model_copy(update={"run": f"runs/{folder.name}", "attempt": attempt})

    monkeypatch.setattr(module, "execute", execute)
    artifact: Any = SimpleNamespace(ref="digits/onnx/fp32", manifest=SimpleNamespace(model="digits"))
    plan = Suite.model_validate(
        {"name": "s", "models": ["digits"], "formats": ["onnx"], "stacks": ["fastapi"], "scenarios": [ClosedLoop()]}
        | suite
    )
    candidate = Candidate(Deployment(artifact, "fastapi"))
    experiment = Experiment(plan, [candidate], ExperimentFolder(tmp_path), Placement(None, None))
    (run,) = experiment.runs
    return experiment._attempt(run, lambda _: None)


def folders(tmp_path: Path) -> list[str]:
    return sorted(
        path.name.removeprefix("001-digits-onnx-fp32-fastapi-closed-x1") for path in (tmp_path / "runs").iterdir()
    )


def test_a_disturbed_run_is_repeated_until_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = measured(tmp_path, monkeypatch, [True, True, False])
    assert result.attempt == 3
    assert result.disturbed == []
    assert folders(tmp_path) == ["", ".disturbed-1", ".disturbed-2"]
    kept = json.loads(next(tmp_path.glob("runs/*.disturbed-2/result.json")).read_text())
    assert kept["disturbed"] == ["p99_ms"]
    assert kept["run"].endswith(".disturbed-2")


def test_the_last_attempt_counts_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = measured(tmp_path, monkeypatch, [True, True], attempts=2)
    assert result.attempt == 2
    assert result.disturbed == ["p99_ms"]
    assert folders(tmp_path) == ["", ".disturbed-1"]


def test_an_undisturbed_run_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(tmp_path, monkeypatch, [False]).attempt == 1
    assert folders(tmp_path) == [""]


def test_a_resumed_run_counts_the_attempts_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "001-digits-onnx-fp32-fastapi-closed-x1.disturbed-1").mkdir(parents=True)
    assert measured(tmp_path, monkeypatch, [False]).attempt == 2
