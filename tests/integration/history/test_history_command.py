"""``tailbed history``, and ``compare``, ``report`` and ``plan --from`` by name, as users type them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tailbed import history
from tests.unit.history.experiments import environment, make_experiment, make_runs

COLUMNS = 80


@pytest.fixture
def ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten experiments of the suite quick; from the sixth on, with other packages, P99 is longer by a half."""
    monkeypatch.setenv("TAILBED_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    rng = np.random.default_rng(1)
    for number in range(10):
        level = 3.0 if number < 5 else 4.5
        cells = [
            make_runs(level * float(np.exp(0.03 * rng.normal())), 7, server=server) for server in ("fastapi", "grpc")
        ]
        where = environment({"onnxruntime": "1.23.0" if number < 5 else "1.24.0"})
        folder = make_experiment(
            tmp_path / "results" / f"quick-202611{number + 11}-133514", cells, number=number, suite="quick", where=where
        )
        history.add(folder)
    return tmp_path / "results"


def tailbed(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tailbed", *words], capture_output=True, text=True, cwd=cwd, timeout=120
    )


def test_the_list(ten: Path) -> None:
    shutil.rmtree(ten / "quick-20261119-133514")
    done = tailbed("history")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["quick-20261120-133514", "2026-11-01", "21:00", "2", "14", "of", "14"]
    assert f"{ten}/quick-20261119-133514  GONE" in done.stdout
    assert all(len(line) <= COLUMNS for line in lines if str(ten) not in line), "paths are never broken"
    listed = json.loads(tailbed("history", "--json").stdout)
    assert [each["name"] for each in listed] == [f"quick-202611{day}-133514" for day in range(20, 10, -1)]
    assert [each["gone"] for each in listed[:2]] == [False, True]


@pytest.mark.parametrize(
    "words", [("digits", "onnx", "fastapi", "200/s"), ("--cell", "fastapi onnx"), ("show", "fastapi")]
)
def test_the_trend_of_a_cell(ten: Path, words: tuple[str, ...]) -> None:
    done = tailbed("history", *words, "--figure", "p99")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "digits/onnx/fp32 fastapi poisson 200/s"
    mark = lines.index("   packages: onnxruntime 1.23.0 -> 1.24.0")
    assert "worse" in lines[mark - 1]
    assert lines[mark - 2].startswith("quick-20261115")
    assert lines[mark + 1].startswith("quick-20261116")
    assert lines[1].index("|") - lines[1].index("  ") == 2 + 5, "five bars before the change"
    assert all(len(line) <= COLUMNS for line in lines)
    (trend,) = json.loads(tailbed("history", *words, "--json").stdout)
    assert [change["at"] for change in trend["changes"]] == [5]
    assert trend["points"][0]["run_folders"] == [f"runs/{number:03d}" for number in range(1, 8)]


def test_compare_by_name_warns_of_what_else_changed(ten: Path) -> None:
    done = tailbed("compare", "quick~9", "quick")
    assert done.returncode == 1, "a regression"
    assert "new fastapi answers in" in done.stdout
    assert done.stderr.splitlines() == [
        "tailbed: differs between the two and may be the reason: packages: onnxruntime 1.23.0 -> 1.24.0"
    ]
    same = tailbed("compare", "quick-20261111", "quick-20261112-133514", "--json")
    assert same.stderr == ""
    assert json.loads(same.stdout)
    by_path = tailbed("compare", str(ten / "quick-20261111-133514"), "quick~8", "--json")
    assert by_path.stdout == same.stdout
    assert tailbed("compare", "quick").returncode == 0


def test_report_by_name(ten: Path) -> None:
    done = tailbed("report", "quick~2")
    assert done.returncode == 0, done.stderr
    page = ten / "quick-20261118-133514" / "report.html"
    assert str(page) in done.stdout
    assert [path.parent for path in ten.glob("*/report.html")] == [page.parent]


def test_a_path_that_exists_is_no_name(ten: Path, tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    done = tailbed("compare", "quick", cwd=tmp_path)
    assert done.returncode == 1
    assert "quick: not a results folder" in done.stderr


def test_what_cannot_be_found_is_one_line(ten: Path) -> None:
    shutil.rmtree(ten / "quick-20261119-133514")
    for words, said in (
        (("compare", "quik"), "did you mean quick"),
        (("compare", "quick-2026"), "is the beginning of 10 names"),
        (("compare", "quick~1"), "its results folder is no longer there"),
        (("report", "quick~1"), "its results folder is no longer there"),
        (("plan", "--from", "quik", "--slo", "p99=5ms", "--rate", "10"), "did you mean quick"),
        (("history", "forget", "nonesuch"), "no experiment of that name"),
        (("history", "add", "nonesuch"), "not a results folder"),
        (("history", "nonesuch"), "no cell in the history has the word 'nonesuch'"),
        (("history", "onnx", "--figure", "p17"), "choose from p50"),
        (("history", "--sql", "DROP TABLE runs"), "takes one SELECT statement"),
    ):
        done = tailbed(*words)
        assert done.returncode == 1, words
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_forget_and_add(ten: Path) -> None:
    assert "forgotten" in tailbed("history", "forget", "quick").stdout
    assert len(json.loads(tailbed("history", "--json").stdout)) == 9
    assert tailbed("history", "add", str(ten / "quick-20261120-133514")).returncode == 0
    assert len(json.loads(tailbed("history", "--json").stdout)) == 10


def test_sql_and_export(ten: Path, tmp_path: Path) -> None:
    done = tailbed("history", "--sql", "SELECT count(*) AS n, max(started) AS last FROM runs", "--json")
    assert json.loads(done.stdout) == [{"n": 140, "last": "2026-11-01 21:00:00"}]
    assert "140" in tailbed("history", "--sql", "SELECT count(*) AS n FROM runs").stdout
    assert tailbed("history", "export", str(tmp_path / "all.csv")).stdout == f"{tmp_path}/all.csv: 140 runs\n"
    assert tailbed("history", "export").returncode == 2
