"""How every experiment ends: in the history, with a report, and never with an error of the history's."""

from pathlib import Path

import pytest

from tailbed import history
from tailbed.cli.measuring import end
from tests.unit.history.experiments import make_experiment, make_runs


def test_an_experiment_ends_in_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    folder = make_experiment(tmp_path / "one", [make_runs(3.5)])
    said: list[str] = []
    end(folder, said.append)
    assert [each.name for each in history.experiments()] == ["one"]
    assert folder.report.exists()
    assert said == [f"results: {tmp_path}/one"]


def test_a_history_that_takes_nothing_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    folder = make_experiment(tmp_path / "one", [make_runs(3.5)])
    said: list[str] = []
    end(folder, said.append)
    warning, results = said
    assert warning.startswith("tailbed: ")
    assert "not in the history" in warning
    assert results == f"results: {tmp_path}/one"
    assert folder.report.exists()
