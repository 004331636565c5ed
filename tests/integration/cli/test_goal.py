"""What ``tailbed bench`` tells in the end: a deployment for the goal, and on which runs that rests."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Exported

SUITE = """\
name: tiny
models: [digits]
formats: [onnx]
stacks: [fastapi, grpc]
scenarios:
  - {kind: closed}
  - {kind: open, rate: 800}
warmup_s: 0.5
steady_limit_s: null
duration_s: 1
attempts: 1
"""


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "tailbed", *words], capture_output=True, text=True, timeout=170)


def suite_file(folder: Path, text: str = SUITE) -> str:
    path = folder / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def stored(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "recommendation.json").read_text())["recommendations"]
    return found


def test_the_end_of_an_experiment_names_the_best_for_the_goal(digits: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("bench", suite_file(tmp_path), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" of 4, about ") == 4, "a line a run where nobody looks"
    (found,) = stored(out)
    # Without a goal in one sentence. Whether a P99 stands is the machine's to say.
    assert found["goal"] == "p99"
    assert f"the lowest P99 under {found['scenario']}: {found['sentence']} report:" in " ".join(done.stdout.split())
    # Judging by another goal measures nothing again.
    again = run("bench", "--resume", str(out), "--goal", "cost", "--price", "$0.36/h")
    assert again.returncode == 0, again.stderr
    assert " of 4, about " not in again.stderr
    (found,) = stored(out)
    assert (found["goal"], found["scenario"], found["shown"]) == ("cost", "closed x1", False)
    cells = json.loads((out / "summary.json").read_text())["cells"]
    closed = {cell["server"]: cell for cell in cells if cell["scenario"] == "closed x1" and cell["validity"] == "VALID"}
    assert found["deployment"] in closed, found
    best = max(closed.values(), key=lambda cell: cell["throughput"])
    assert found["deployment"] == best["server"]
    assert found["figure"] == f"cost ${0.36 / 3600 * 1e6 / best['throughput']:.4f} for a million answers"
    assert best["run"] in found["runs"]
    assert all((out / folder / "records.parquet").exists() for folder in found["runs"])
    printed = " ".join(again.stdout.split())
    assert f"the lowest cost under closed x1: {found['sentence']}" in printed
    if found["runner_up"]:
        assert f"runner-up {found['runner_up']}: {found['runner_up_figure']}" in printed


def test_one_deployment_is_no_choice(digits: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("bench", suite_file(tmp_path, SUITE.replace("fastapi, grpc", "grpc")), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert not (out / "recommendation.json").exists()
    assert "the lowest" not in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--price", "0.34/h"], 2, "--price is for --goal cost"),
        (["--goal", "cost", "--price", "cheap"], 1, "'cheap' is no price"),
        (["--slo", "fast"], 1, "'fast' is no objective"),
        (["--scenario", "poisson 20/s"], 1, "names 0 loads: choose one of closed x1, poisson 800/s"),
        (["--goal", "beauty"], 2, "'beauty' is not one of"),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anything_is_measured(
    digits: Exported, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    out = tmp_path / "out"
    done = run("bench", suite_file(tmp_path), "--out", str(out), *words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
