"""``tailbed report`` of a folder that holds one run, as Locust leaves it: exact figures and the verdict."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from loadtest.errors import LoadError
from tailbed.cli import cli
from tailbed.results.folder import ResultsError
from tests.unit.report.experiments import make_cell, make_folder, make_records, write_records


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """2,000 requests that took evenly from 1 to 3 ms, at 200/s."""
    folder = make_folder(tmp_path / "results", [])
    write_records(folder, make_cell(run="runs/1"), make_records(np.linspace(1, 3, 2000)))
    return folder.path / "runs/1"


def test_its_figures_are_exact(run: Path) -> None:
    done = CliRunner().invoke(cli, ["report", str(run), "--json"])
    assert done.exit_code == 0, done.output
    cell = json.loads(done.output)
    # Of 2,000 evenly spaced, the nearest rank of P50 is 1,000 and that of P99 is 1,980.
    assert cell["p50_ms"] == pytest.approx(1 + 2 * 999 / 1999, abs=1e-5)
    assert cell["p99_ms"] == pytest.approx(1 + 2 * 1979 / 1999, abs=1e-5)
    assert (cell["validity"], cell["requests"]) == ("VALID", 2000)


def test_the_verdict_is_shown_and_nothing_is_written(run: Path) -> None:
    before = sorted(run.iterdir())
    done = CliRunner().invoke(cli, ["report", str(run)])
    assert done.exit_code == 0, done.output
    assert "VALID" in done.output
    assert "2000 requests in 10 s, answers not checked" in done.output
    assert sorted(run.iterdir()) == before


def test_a_folder_with_neither_is_no_results_folder(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["report", str(tmp_path)])
    assert isinstance(done.exception, ResultsError)
    assert "not a results folder" in str(done.exception)


def test_broken_records_are_one_line(run: Path) -> None:
    (run / "records.parquet").write_bytes(b"none")
    done = CliRunner().invoke(cli, ["report", str(run)])
    assert isinstance(done.exception, LoadError)
    assert "\n" not in str(done.exception)
