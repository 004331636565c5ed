"""``tailbed bench`` over the stacks that a machine has, and ``tailbed`` for what it lacks."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from servers import STACKS
from tests.conftest import Exported

TAILBED = [sys.executable, "-m", "tailbed"]

SUITE = """\
name: tiny
models: [digits]
formats: [openvino]
stacks: [all]
variants:
  equal: {instances: 1, threads: 1}
  tuned: tuned
  refused: {device: cuda}
scenarios:
  - {kind: closed}
warmup_s: 0.2
steady_limit_s: null
duration_s: 1
attempts: 1
"""


@pytest.fixture
def bare(digits: Exported, home: Path, tmp_path: Path) -> Mapping[str, str]:
    """The environment of a user who has the tests' artifacts and has installed no stack beside our own."""
    assert digits["openvino"]
    own = tmp_path / "home"
    own.mkdir()
    for each in home.iterdir():
        if each.name != "environments":
            (own / each.name).symlink_to(each)
    return {**os.environ, "TAILBED_HOME": str(own), "COLUMNS": "80"}


def tailbed(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TAILBED, *words], capture_output=True, text=True, env=environment, timeout=170)


def bench(environment: Mapping[str, str], folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")
    return tailbed(environment, "bench", str(folder / "tiny.yaml"), "--out", str(folder / "out"))


def test_all_stacks_that_are_there_are_measured_and_the_others_told(bare: Mapping[str, str], tmp_path: Path) -> None:
    done = bench(bare, tmp_path, SUITE)
    assert done.returncode == 1, "a runtime that does not compute on GPUs refuses them"
    out = tmp_path / "out"
    summary = json.loads((out / "summary.json").read_text())
    lacking = {name for name in STACKS.expand("all") if STACKS.get(name).environment}
    assert {line.partition(":")[0] for line in summary["left_out"]} >= lacking
    assert not {cell["server"] for cell in summary["cells"]} & lacking
    # What settings ask for and a stack cannot do ends neither the experiment nor goes unsaid.
    assert sorted((cell["server"], cell["variant"]) for cell in summary["cells"]) == [
        (stack, variant) for stack in ("fastapi", "grpc") for variant in ("equal", "tuned")
    ]
    assert all(cell["errors"] == 0 and cell["runtime"] == "openvino" for cell in summary["cells"])
    refused = [line for line in summary["failures"] if "cannot be served on cuda: openvino computes on cpu" in line]
    assert len(refused) == len(summary["failures"]) == 2
    planned = {(each["server"], each["variant"]): each["settings"] for each in summary["deployments"]}
    assert len(planned) == summary["planned_cells"] == 6
    assert planned["grpc", "tuned"]["tuned"]
    for run in out.glob("runs/*-tuned-*"):
        deployment = json.loads((run / "deployment.json").read_text())
        assert deployment["settings"] == planned[deployment["stack"], "tuned"]
        assert (deployment["variant"], deployment["runtime"]) == ("tuned", "openvino")
        assert "--max-batch" in deployment["command"]
    words = " ".join(done.stdout.split())
    page = (out / "report.html").read_text(encoding="utf-8")
    for line in summary["left_out"]:
        assert f"left out {line}" in words
        assert f"<li>{line.partition(':')[0]}" in page
    # The same folder on a machine that has other stacks is another experiment.
    changed = (out / "suite.yaml").read_text().replace("- all", "- grpc", 1)
    assert changed.count("- grpc") == 1
    (out / "suite.yaml").write_text(changed)
    again = tailbed(bare, "bench", "--resume", str(out))
    assert again.returncode == 1
    last = again.stderr.strip().splitlines()[-1]
    assert "cannot be resumed" in last
    assert "digits/openvino/fp32 on fastapi" in last


@pytest.mark.parametrize("name", [name for name in STACKS.names() if STACKS.get(name).environment])
def test_a_stack_by_its_name_is_missed_before_anything_is_measured(
    bare: Mapping[str, str], tmp_path: Path, name: str
) -> None:
    done = bench(bare, tmp_path, SUITE.replace("[all]", f"[grpc, {name}]").replace("openvino", "onnx"))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert f"{name} cannot run here: " in line
    assert not (tmp_path / "out").exists()


def test_doctor_and_stacks_tell_what_is_missing_and_how_to_get_it(bare: Mapping[str, str]) -> None:
    findings = {each["part"]: each for each in json.loads(tailbed(bare, "doctor", "--json").stdout)}
    assert findings.keys() >= {f"stack {name}" for name in STACKS.names()}
    for name, environment in STACKS.environments().items():
        found = findings[f"environment {name}"]
        assert (found["state"], found["advice"]) == ("missing", f"tailbed install {name}")
        users = [each for each in STACKS.names() if STACKS.get(each).environment == environment]
        assert all(findings[f"stack {user}"]["state"] == "missing" for user in users)
    listed = tailbed(bare, "stacks")
    assert listed.returncode == 0
    for row in json.loads(tailbed(bare, "stacks", "--json").stdout):
        assert row["name"] in listed.stdout
        assert bool(row["missing"]) == (f"not here: {row['name']}: " in listed.stderr)
    help_ = "".join(tailbed(bare, "serve", "--help").stdout.split())  # it breaks lines at hyphens
    assert all(name in help_ for name in STACKS.names())
